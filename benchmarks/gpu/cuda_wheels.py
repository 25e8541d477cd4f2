"""pycuda and onnxruntime-gpu for another machine: one has no wheel on PyPI, the other is very large."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.gpu.fatbin import prune

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
    python = _build_environment(folder / "venv", interpreter)
    home = _build_settings(folder / "home", cuda_root)
    # the driver stands in as a library without symbols, which a linker leaves out unless told otherwise
    env = {**os.environ, "HOME": str(home), "LDFLAGS": "-Wl,--no-as-needed"}
    pip = (str(python), "-m", "pip", "-qq", "install", "--no-deps", "--no-build-isolation", "--no-compile")
    part = site.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    what = ("--no-binary=pycuda", "--target", str(part), f"pycuda=={PYCUDA}")
    subprocess.run([*pip, *what], env=env, check=True)
    require_driver_link(part)
    part.rename(site)
    return site


def _build_environment(venv: Path, interpreter: str) -> Path:
    python = venv / "bin" / "python"
    if not python.exists():
        subprocess.run([interpreter, "-m", "venv", venv], check=True)
        subprocess.run([python, "-m", "pip", "-qq", "install", "setuptools", "wheel", "numpy>=2"], check=True)
    return python


def _build_settings(home: Path, cuda_root: str) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    options = ("-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-x", "c", "-")
    subprocess.run(["gcc", *options, "-o", home / "libcuda.so"], input="", text=True, check=True)
    settings = {
        "CUDA_ROOT": cuda_root,
        "CUDA_ENABLE_CURAND": False,
        "CUDADRV_LIB_DIR": [str(home)],
        "CXXFLAGS": ["-O0"],
    }
    lines = [f"{name} = {value!r}\n" for name, value in settings.items()]
    (home / ".aksetup-defaults.py").write_text("".join(lines), encoding="utf-8")
    return home


def require_driver_link(site: Path) -> None:
    """Exits where a built pycuda would not load the driver's library by itself."""
    (module,) = (site / "pycuda").glob("_driver*.so")
    dynamic = subprocess.run(["readelf", "-d", module], capture_output=True, text=True, check=True).stdout
    if "libcuda.so.1" not in dynamic:
        sys.exit(f"{module} was linked without libcuda.so.1")


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
