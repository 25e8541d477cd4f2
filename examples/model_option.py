"""The option `--model`, and its former names until streamseg 0.2."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from streamseg.config.deprecated import renamed

MODEL = "street-lite0"


class _FormerName(argparse.Action):
    """Stores the value at `dest`, and names the present option on standard error."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        _option: str | None = None,
    ) -> None:
        print(f"{parser.prog}: {renamed(self.option_strings[0], f'--{self.dest}')}", file=sys.stderr)
        setattr(namespace, self.dest, values)


def add_model_option(parser: argparse.ArgumentParser, former: str = "--engine") -> None:
    """Let a program take the name or the folder of a model package.

    Args:
        parser: The program's; `model` is where it puts the value.
        former: What the option was called, which is hidden.
    """
    parser.add_argument("--model", default=MODEL, help=f"model package: name or folder (default: {MODEL})")
    hidden = argparse.SUPPRESS
    parser.add_argument(former, dest="model", action=_FormerName, default=hidden, help=hidden)
