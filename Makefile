# `make` lists the verbs. Everything is installed into $(VENV); a stamp there means that nothing is installed twice.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
VENV   ?= .venv
# The CPU build of torch, for the trainer and its tests only. Unpinned, pip may bring gigabytes of CUDA with it.
TORCH  ?= torch==2.13.0
# What `make demo` shows: a file, rtsp://…, /dev/video0, lavfi:…; empty: a sample clip of pedestrians.
SOURCE ?=
RECIPE ?= configs/training/camvid.yaml
# Where `make install` puts the service, and the Python it runs on: the system's, since the service sees no home folders.
PREFIX  ?= /opt/streamseg
LIBDIR  ?= /usr/local/lib
BINDIR  ?= /usr/local/bin
DESTDIR ?=
DIST    ?= dist
SERVICE_PYTHON ?= /usr/bin/python3
# More arguments for pytest, as in `make test ARGS='-k wire -x'`; a part of the tests is not held to the coverage of all.
ARGS   ?=
# Not empty: measure branch coverage, which takes half as long again.
COVERAGE ?=
# Processes that share the tests, a file each at a time; 0: none but pytest's own.
JOBS   ?= auto
# How many runs `make test-steady` comes to in all, and whether it and `make test-long` forget earlier runs.
N      ?= 10
AGAIN  ?=

PY   := $(VENV)/bin/python
PIP  := $(PY) -m pip --disable-pip-version-check -qq
BASE := $(VENV)/.installed-base
DEV  := $(VENV)/.installed-dev
RTX  := $(VENV)/.installed-rtx
LITERT := $(VENV)/.installed-litert
# ONNX Runtime for the GPU takes the place of the one for CPUs, so it has an environment of its own.
GPU_VENV := $(VENV)-gpu
GPU  := $(GPU_VENV)/.installed
INSTALLER := PIP='$(abspath $(PY)) -m pip --disable-pip-version-check' PYTHON='$(SERVICE_PYTHON)' \
  PREFIX='$(PREFIX)' LIBDIR='$(LIBDIR)' BINDIR='$(BINDIR)' DESTDIR='$(DESTDIR)'
WHEEL = $$(ls -t build/wheel/streamseg-*.whl | head -1)

.PHONY: help demo test test-real test-steady test-long lint types wheel-check bench gpu-check gpu-bundle train install uninstall deb clean

help: ## list these verbs
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(BASE) ## show it at work for 20 s on a sample clip, or on SOURCE=rtsp://… (results in demo/)
	@$(PY) -m examples.demo $(if $(SOURCE),'$(SOURCE)')

test: $(DEV) ## run the tests; COVERAGE=1 measures branch coverage
ifeq ($(ARGS),)
	@$(PY) -m pytest -n $(JOBS) --dist loadfile -m 'not real and not gpu' \
	  $(if $(COVERAGE),--cov --cov-report=term:skip-covered --cov-fail-under=95)
else
	@$(PY) -m pytest -m 'not real and not gpu' $(if $(COVERAGE),--cov --cov-report=term:skip-covered) $(ARGS)
endif

test-real: $(DEV) $(RTX) $(LITERT) ## run the tests against real servers and tools (Debian packages of tests/parts/apt.txt)
	@.ci/apt $$(sed 's/#.*//' tests/parts/apt.txt)
	@$(PY) -m pytest -m 'real or gpu' $(ARGS)

test-steady: $(DEV) ## run the tests N=10 times, beside busy processes and in random order; goes on where it was
	@$(PY) -m tests.steady --runs $(N) $(if $(AGAIN),--again)

test-long: $(DEV) ## run the tests that take long, those once passed only with AGAIN=1; tells the last results
	@$(PY) -m pytest -v -rP -m long $(if $(AGAIN),--long-again) $(ARGS)

lint: $(DEV) ## check rules and formatting
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

types: $(DEV) ## check the types, strictly
	@$(PY) -m mypy

wheel-check: $(DEV) ## build the wheel, install it elsewhere without torch, and test what it holds
	@JOBS=$(JOBS) .ci/wheel-check $(PY)

bench: $(BASE) ## measure speed, age, memory and start-up on this machine
	@$(PY) -m benchmarks.pipeline

gpu-check: $(GPU) ## make masks on this machine's NVIDIA GPU and check all that needs one (results in build/gpu-check/)
	@$(GPU_VENV)/bin/python -m benchmarks.gpu.check $(ARGS)

gpu-bundle: $(DEV) ## pack what gpu-check needs for a GPU machine without a network (build/gpu-bundle/)
	@$(PY) -m benchmarks.gpu.bundle $(ARGS)

train: $(DEV) ## train the networks and export a package: RECIPE=configs/training/camvid.yaml
	@$(VENV)/bin/streamseg train $(RECIPE)

install: build-wheel ## install the service (PREFIX=/opt/streamseg, DESTDIR); enables nothing, keeps a configuration
	@$(INSTALLER) systemd/install "$(WHEEL)"

uninstall: ## remove what install brought; configuration and state stay
	@$(INSTALLER) systemd/uninstall

deb: build-wheel ## build a Debian package with all it needs from Python, into DIST=dist
	@$(INSTALLER) systemd/debian/build "$(WHEEL)" "$(DIST)"

.PHONY: build-wheel
build-wheel: | $(PY)
	@rm -rf build/wheel
	@$(PIP) wheel --no-deps --wheel-dir build/wheel .

clean: ## remove what the other verbs made (keeps .venv, .cache/ and runs/)
	@rm -rf build dist demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.*
	@find streamseg tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@.ci/venv $(PYTHON) $(VENV)

$(BASE): pyproject.toml | $(PY)
	@echo 'installing streamseg into $(VENV) …'
	@$(PIP) install -e .
	@touch $@

$(DEV): pyproject.toml | $(PY)
	@echo 'installing streamseg with its trainer and the test tools into $(VENV) …'
	@$(PIP) install -e '.[dev,train,baselines,quantise,convert]' '$(TORCH)'
	@touch $@ $(BASE)

# NVIDIA's builder of plans, which needs no GPU; 230 MB under NVIDIA's own licence, so for the tests alone.
$(RTX): pyproject.toml | $(DEV)
ifeq ($(shell uname -m),x86_64)
	@echo 'installing TensorRT for RTX into $(VENV) …'
	@$(PIP) install -e '.[tensorrt-rtx]'
endif
	@touch $@

# LiteRT's interpreter (Apache-2.0, 60 MB), for the tests alone; where there is no wheel of it they are skipped.
$(LITERT): pyproject.toml | $(DEV)
	@echo 'installing LiteRT into $(VENV) …'
	@$(PIP) install -e '.[litert]' || echo 'LiteRT cannot be installed here: the tests that need it are skipped'
	@touch $@

GPU_PIP := $(GPU_VENV)/bin/python -m pip --disable-pip-version-check -qq
$(GPU): pyproject.toml
	@nvidia-smi -L >/dev/null 2>&1 || { echo 'gpu-check: no NVIDIA GPU here (nvidia-smi -L fails); make gpu-bundle packs it for another machine' >&2; exit 1; }
	@.ci/venv $(PYTHON) $(GPU_VENV)
	@echo 'installing streamseg with ONNX Runtime for the GPU into $(GPU_VENV) …'
	@$(GPU_PIP) install -e '.[cuda]' onnx hypothesis pytest pytest-timeout
	@$(GPU_PIP) uninstall -y onnxruntime
	@$(GPU_PIP) install 'onnxruntime-gpu[cuda,cudnn]'
	@$(GPU_PIP) install -e '.[tensorrt,cuda-graphs]' || echo 'TensorRT cannot be installed here: its steps are left out'
	@touch $@
