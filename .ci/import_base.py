"""Imports every module of a base install: all outside networks/, training/, quantise/ and convert/."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys

import streamseg

NEEDS_MORE = (  # an extra each
    "streamseg.networks",
    "streamseg.training",
    "streamseg.quantise",
    "streamseg.convert.",
)


def base_modules() -> list[str]:
    """Names of all modules of the package that may not need an extra."""
    found = pkgutil.walk_packages(streamseg.__path__, "streamseg.")
    names = [module.name for module in found if not module.name.startswith(NEEDS_MORE)]
    return [name for name in names if not name.endswith(".__main__")]  # importing that runs the program


def main() -> None:
    """Import them all; exits non-zero where torch is installed, since the check would prove nothing."""
    if importlib.util.find_spec("torch"):
        sys.exit("torch is installed here: this check is for a base install")
    names = base_modules()
    for name in names:
        importlib.import_module(name)
    print(f"base install: {len(names)} modules import without torch, from {streamseg.__path__[0]}")


if __name__ == "__main__":
    main()
