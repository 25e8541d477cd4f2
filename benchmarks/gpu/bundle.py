"""Pack what the GPU check needs on a machine without a network: `python -m benchmarks.gpu.bundle`.

Writes `build/gpu-bundle/`: one archive a part with its checksum, so that parts may travel one at a time. The
source tree travels by itself; with `--project` its committed files come along, with one model package.
Takes minutes and 1 GB of disk the first time; downloads and builds are kept in `.cache/gpu-bundle/`.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import shutil
import subprocess
import tarfile
from pathlib import Path

from benchmarks.clip import ROOT
from benchmarks.gpu import cuda_wheels, wheels
from benchmarks.gpu.stage import PROJECT
from benchmarks.gpu.wheels import Target

CACHE = ROOT / ".cache" / "gpu-bundle"
BUNDLE = ROOT / "build" / "gpu-bundle"
_MIB = 1 << 20


def packages(target: Target, interpreter: str, cuda_root: str, into: Path) -> dict[str, Path]:
    """The folders to pack: all packages but one, and ONNX Runtime.

    Args:
        target: The machine they are for.
        interpreter: A Python of its version; empty: pycuda stays out.
        cuda_root: The CUDA toolkit that pycuda is built with.
        into: A folder to unpack into, emptied first.
    """
    shutil.rmtree(into, ignore_errors=True)
    folders = {name: into / name / "site" for name in ("packages", "onnxruntime")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    exact = wheels.resolve(wheels.requirements(ROOT / "pyproject.toml"), target)
    for wheel in wheels.fetch(exact, target, CACHE / "wheels"):
        part = "onnxruntime" if wheel.name.startswith("onnxruntime") else "packages"
        wheels.unpack(wheel, folders[part])
    if interpreter:
        pycuda = cuda_wheels.build_pycuda(CACHE / "pycuda", interpreter, cuda_root)
        shutil.copytree(pycuda, folders["packages"], dirs_exist_ok=True)
    _strip(folders["packages"])
    return {name: folder.parent for name, folder in folders.items()}


def _strip(folder: Path) -> None:
    """Takes symbols from libraries, which nobody debugs there; one that cannot be stripped stays whole."""
    for library in folder.rglob("*.so*"):
        command = ["strip", "--strip-unneeded", str(library)]
        subprocess.run(command, capture_output=True, check=False)


def pack(name: str, folder: Path, bundle: Path) -> Path:
    """Writes a part: an archive of a folder's contents, and its checksum."""
    bundle.mkdir(parents=True, exist_ok=True)
    archive = bundle / f"{name}.tar.xz"
    with tarfile.open(archive, "w:xz") as tar:
        tar.add(folder, arcname=".", filter=_without_byte_code)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    archive.with_name(f"{name}.sha256").write_text(f"{digest}  {archive.name}\n", encoding="ascii")
    return archive


def _without_byte_code(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in member.name or member.name.endswith(".pyc") else member


def project(model: str, into: Path) -> Path:
    """The committed source tree with one model package, unpacked below `into`."""
    folder = into / PROJECT / PROJECT
    shutil.rmtree(into / PROJECT, ignore_errors=True)
    folder.mkdir(parents=True)
    others = [f":!{path}" for path in _models() if Path(path).name != model]
    listed = ["git", "-C", str(ROOT), "archive", "HEAD", "--", ".", ":!docs/*.png", *others]
    done = subprocess.run(listed, capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder.parent


def _models() -> list[str]:
    return [f"engines/{path.parent.name}" for path in sorted(ROOT.glob("engines/*/model.yaml"))]


def main() -> None:
    """Makes the parts and tells their sizes."""
    asked = _asked()
    target = Target(asked.python, wheels.have(asked.have.read_text()) if asked.have else frozenset())
    work = CACHE / "parts"
    folders = packages(target, asked.interpreter, asked.cuda_root, work)
    sizes = cuda_wheels.slim_onnxruntime(folders["onnxruntime"] / "site", asked.architecture)
    print(f"device code of ONNX Runtime: {sizes}")
    if asked.project:
        folders[PROJECT] = project(asked.model, work)
    shutil.rmtree(BUNDLE, ignore_errors=True)
    parts = [pack(name, folder, BUNDLE) for name, folder in folders.items()]
    shutil.rmtree(work)
    for part in parts:
        print(f"{part.stat().st_size / _MIB:7.1f} MiB  {part.relative_to(ROOT)}")
    print(f"{sum(part.stat().st_size for part in parts) / _MIB:7.1f} MiB in all, beside the source tree")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", default="3.12", help="the other machine's Python")
    parser.add_argument("--have", type=Path, help="`pip freeze` of the other machine: what is there already")
    parser.add_argument("--architecture", type=int, default=90, help="compute capability times ten")
    parser.add_argument("--interpreter", default="", help="a Python of that version here; empty: no pycuda")
    parser.add_argument("--cuda-root", default="/usr/local/cuda")
    parser.add_argument("--project", action="store_true", help="pack the committed source tree too")
    parser.add_argument("--model", default="street-lite0", help="the model package that travels with it")
    return parser.parse_args()


if __name__ == "__main__":
    main()
