"""What a compiled graph depends on. Whatever differs in it is another key, so nothing wrong is ever found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Machine:
    """What compiles, and on what.

    Attributes:
        backend: The backend's name in a configuration: `tensorrt` is not `tensorrt_rtx`.
        version: Of its library, in full.
        device: The processor or GPU, as its maker names it.
        capability: What it can compute: the compute capability of a GPU, the features of a CPU.
        driver: Version of the device's driver; empty for a CPU.
    """

    backend: str
    version: str
    device: str
    capability: str = ""
    driver: str = ""

    def differences(self, here: Machine) -> list[str]:
        """In what this one is not the machine `here`, each as `device A, here B`."""
        pairs = ((field.name, getattr(self, field.name), getattr(here, field.name)) for field in fields(self))
        return [
            f"{name} {mine or 'none'}, here {theirs or 'none'}"
            for name, mine, theirs in pairs
            if mine != theirs
        ]


@dataclass(frozen=True, slots=True)
class CacheKey:
    """What a compiled graph depends on.

    Attributes:
        graph: sha256 of the ONNX file; empty where it is no graph's (a timing cache).
        machine: What compiled it, and on what.
        precision: What it computes in.
        profile: The batch sizes it takes, as `1` or `1-4`.
        flags: Whatever else was asked of the compiler.
    """

    graph: str
    machine: Machine
    precision: str
    profile: str
    flags: str = ""

    @property
    def digest(self) -> str:
        """A hash of all of it, equal exactly where all of it is."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    @property
    def json(self) -> dict[str, Any]:
        """As it is written into an entry."""
        return asdict(self)

    @classmethod
    def from_json(cls, known: Mapping[str, Any]) -> CacheKey:
        """What `json` gave. Raises ValueError where it is something else."""
        try:
            return cls(**{**known, "machine": Machine(**known["machine"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"not a key: {error}") from error


@dataclass(frozen=True, slots=True)
class Origin:
    """Whence a compiled graph comes; for people, and to see whether it is still wanted.

    Attributes:
        package: The package's name.
        folder: Where it lay.
        role: The graph's role in it.
    """

    package: str
    folder: Path
    role: str


def timing_key(machine: Machine) -> CacheKey:
    """The key of what a compiler has measured on a machine, whatever the graph."""
    return CacheKey(graph="", machine=machine, precision="", profile="", flags="timing")
