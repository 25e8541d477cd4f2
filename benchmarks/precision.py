"""A package in every precision on every CPU backend: `python -m benchmarks.precision PACKAGE --data FOLDER`.

Accuracy on labelled pictures (the segmenter alone), agreement with f32, time in turns and size, below the
machine that the times belong to. A package without int8 gets it from `streamseg model calibrate`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from benchmarks.machine import describe
from streamseg.inference.packages.package import open_package
from streamseg.quantise.accuracy import by_labels
from streamseg.quantise.compare import compare, table
from streamseg.training.data.dataset import find_dataset


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("package")
    parser.add_argument("--data", type=Path, required=True, help="a recipe, or a folder as for evaluate")
    parser.add_argument("--threads", type=int, default=0, help="0: one a physical core")
    asked = parser.parse_args()
    machine, package = describe(), open_package(asked.package)
    judge = by_labels(find_dataset(asked.data), [c.name for c in package.manifest.classes])
    rows = compare(package, judge, None, asked.threads)
    say = Console().print
    say(f"{package.manifest.name} {package.manifest.version}", markup=False)
    say(", ".join(f"{key}: {value}" for key, value in machine.items()), markup=False, highlight=False)
    say(table(rows))


if __name__ == "__main__":
    main()
