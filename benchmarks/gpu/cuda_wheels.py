"""pycuda and onnxruntime-gpu for another machine: one has no wheel on PyPI, the other is very large."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.gpu.fatbin import prune
from streamseg.inference.backends.tensorrt.driver import LIBRARY

PYCUDA = "2026.1"
CUDA_LIBRARY = "libonnxruntime_providers_cuda.so"
# Of ONNX Runtime's package, what a session does not load
_UNUSED = (
    "transformers",
    "quantization",
    "tools",
    "datasets",
    "backend",
    "capi/libonnxruntime_providers_tensorrt.so",
    "capi/libonnxruntime.so*",  # for programs in C; Python's module holds it
)
# Kernels of language models, which no segmentation network has
UNUSED_KERNELS = "flash_fwd|fmha|moe_|fpA_intB|gemm_tma|fp4|xqa"


def build_pycuda(folder: Path, interpreter: str, cuda_root: str) -> Path:
    """Pycuda for another Python, built once and kept.

    Args:
        folder: Where to build and keep.
        interpreter: A Python of the version wanted, with venv.
        cuda_root: The CUDA toolkit.

    Returns:
        The folder that holds the package.

    Raises:
        SystemExit: It was built without a link to the driver.
        subprocess.CalledProcessError: The build failed.
    """
    site = folder / f"pycuda-{PYCUDA}-{Path(interpreter).name}"
    if site.exists():
        return site
    python = _build_venv(folder / "venv", interpreter)
    env = {**os.environ, **build_environment(folder / "home", cuda_root)}
    pip = (str(python), "-m", "pip", "-qq", "install", "--no-deps", "--no-build-isolation", "--no-compile")
    part = site.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    what = ("--no-binary=pycuda", "--target", str(part), f"pycuda=={PYCUDA}")
    subprocess.run([*pip, *what], env=env, check=True)
    require_driver_link(part)
    part.rename(site)
    return site


def _build_venv(venv: Path, interpreter: str) -> Path:
    python = venv / "bin" / "python"
    if not python.exists():
        subprocess.run([interpreter, "-m", "venv", venv], check=True)
        subprocess.run([python, "-m", "pip", "-qq", "install", "setuptools", "wheel", "numpy>=2"], check=True)
    return python


def build_environment(home: Path, cuda_root: str) -> dict[str, str]:
    """What pycuda's build needs where there is no driver: a home folder with settings and a stub to link to.

    Args:
        home: A folder to put them into; made where it is missing.
        cuda_root: The CUDA toolkit.

    Returns:
        Variables of the environment to build in.
    """
    home.mkdir(parents=True, exist_ok=True)
    # linked against alone: what pycuda then asks the loader for is the driver's name
    options = ("-shared", "-fPIC", f"-Wl,-soname,{LIBRARY}", "-x", "c", "-")
    subprocess.run(["gcc", *options, "-o", home / "libcuda.so"], input="", text=True, check=True)
    settings = {
        "CUDA_ROOT": cuda_root,
        "CUDA_ENABLE_CURAND": False,
        "CUDADRV_LIB_DIR": [str(home)],
        "CXXFLAGS": ["-O0"],
    }
    lines = [f"{name} = {value!r}\n" for name, value in settings.items()]
    (home / ".aksetup-defaults.py").write_text("".join(lines), encoding="utf-8")
    # the stub defines nothing, and a linker that keeps only what is needed would drop it; in the
    # environment the option comes before the objects, in pycuda's own settings it would come too late
    return {"HOME": str(home), "LDFLAGS": "-Wl,--no-as-needed"}


def driver_module(site: Path) -> Path:
    """The part of an installed pycuda that talks to the driver."""
    (module,) = (site / "pycuda").glob("_driver*.so")
    return module


def needed(library: Path) -> set[str]:
    """The libraries that the loader brings with one."""
    lines = subprocess.run(["readelf", "-d", library], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"\(NEEDED\).*\[(.+)\]", lines))


def require_driver_link(site: Path) -> None:
    """Exits where a built pycuda would not load the driver's library by itself."""
    if LIBRARY not in needed(module := driver_module(site)):
        sys.exit(f"{module} was linked without {LIBRARY}")


def slim_onnxruntime(site: Path, architecture: int) -> dict[str, int]:
    """Takes from an unpacked onnxruntime-gpu what a check on one GPU architecture does not use.

    Args:
        site: The folder that holds the package `onnxruntime`.
        architecture: Compute capability times ten, as 90.

    Returns:
        Bytes of device code kept and blanked, as `prune` tells them.
    """
    package = site / "onnxruntime"
    for path in [path for name in _UNUSED for path in package.glob(name)]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    library = package / "capi" / CUDA_LIBRARY
    content = bytearray(library.read_bytes())
    sizes = prune(content, architecture, UNUSED_KERNELS)
    library.write_bytes(content)
    return sizes
