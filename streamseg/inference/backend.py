"""What a backend module offers, and what it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from streamseg.config import schema
from streamseg.inference.cache.key import Machine
from streamseg.inference.engine import EngineInfo, InferenceEngine
from streamseg.inference.packages.package import Package

Precision: TypeAlias = schema.Precision
BackendName: TypeAlias = schema.Backend
Progress: TypeAlias = Callable[[str, int, int], bool]  # phase, steps done, of how many → whether to go on


@dataclass(frozen=True, slots=True)
class Settings:
    """How an engine is to be compiled.

    Attributes:
        precision: `auto`: the fastest of those the package allows, as measured on this machine.
        threads: Threads of the engine, at least 1.
        cache: Where compiled models are kept; None for nowhere.
        measure: Measure what `auto` goes by again, although it is remembered.
        max_batch: Most pictures that will be computed at once, where that must be known beforehand.
        cuda_graphs: Run as CUDA graphs where the backend can.
        gpu: Which NVIDIA GPU, in the driver's order; for ONNX Runtime's providers.
        gpu_memory_limit_mb: The most memory a graph may take of it, MiB; 0: all. For the same.
    """

    precision: Precision
    threads: int
    cache: Path | None
    measure: bool = False
    max_batch: int = 1
    cuda_graphs: bool = False
    gpu: int = 0
    gpu_memory_limit_mb: int = 0

    @property
    def memo(self) -> Path | None:
        """The file that remembers which precision was how fast; None for none."""
        return None if self.cache is None else self.cache / "precision.json"


@dataclass(frozen=True, slots=True)
class BackendReport:
    """Whether a backend works on this machine.

    Attributes:
        name: The backend's name in a configuration.
        usable: Whether it can be used.
        version: Of its library; empty where it is not there.
        why_not: Why it is not usable, one line; else empty.
        precisions: What it can compute in; int8, which not every package brings, last.
    """

    name: str
    usable: bool
    version: str
    why_not: str
    precisions: tuple[str, ...]


class Backend(Protocol):
    """What a backend's module has."""

    def report(self) -> BackendReport:
        """What it can do here."""

    def load(self, package: Package, settings: Settings) -> InferenceEngine:
        """Compiles a package.

        Raises:
            PackageError: A graph cannot be read or breaks the contract.
            EngineError: The backend cannot do it.
        """


@runtime_checkable
class Builder(Protocol):
    """What the module of a backend has besides, where it compiles into the cache."""

    def machine(self) -> Machine:
        """What it compiles for."""

    def build(self, package: Package, settings: Settings, progress: Progress) -> EngineInfo:
        """Compiles a package into the cache, whose absence or fullness is an error; says what for.

        Raises:
            PackageError, EngineError: As `Backend.load`; or it cannot be kept, or was stopped.
        """


@runtime_checkable
class SlowBuilder(Builder, Protocol):
    """One that takes minutes: the daemon does not wait for it."""

    def missing(self, package: Package, settings: Settings) -> tuple[str, ...]:
        """The graphs that are not in the cache, by their role.

        Raises:
            EngineError: It cannot be asked.
        """
