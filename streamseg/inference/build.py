"""Compiling a package ahead of its use, into the cache; and whether that has to be done first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from streamseg.errors import EngineError
from streamseg.inference.backend import BackendName, Builder, Precision, Progress, Settings, SlowBuilder
from streamseg.inference.backends.registry import modules, usable_module, usable_or_none
from streamseg.inference.cache.folder import cache_folder
from streamseg.inference.cache.key import Machine
from streamseg.inference.cpu_info import physical_cores
from streamseg.inference.engine import EngineInfo
from streamseg.inference.packages.package import Package, open_package


@dataclass(frozen=True, slots=True)
class Order:
    """What to build; all that another process has to be told.

    Attributes:
        folder: The package's.
        backend: `auto` takes the first that is usable and builds ahead.
        precision: As in a configuration.
        max_batch: Most pictures that will be computed at once.
        threads: 0: one a physical core.
        cache_dir: Where to keep it; None: the user's cache folder.
        gently: Leave processor and memory to others.
    """

    folder: Path
    backend: BackendName = "auto"
    precision: Precision = "auto"
    max_batch: int = 1
    threads: int = 0
    cache_dir: Path | None = None
    gently: bool = False

    @property
    def json(self) -> str:
        """One line."""
        cache = None if self.cache_dir is None else str(self.cache_dir.absolute())
        return json.dumps({**asdict(self), "folder": str(self.folder.absolute()), "cache_dir": cache})

    @classmethod
    def from_json(cls, line: str) -> Order:
        """What `json` gave."""
        known: dict[str, Any] = json.loads(line)
        cache = known.pop("cache_dir")
        return cls(Path(known.pop("folder")), cache_dir=None if cache is None else Path(cache), **known)

    @property
    def settings(self) -> Settings:
        """As a backend is told."""
        threads = self.threads or physical_cores()
        return Settings(self.precision, threads, cache_folder(self.cache_dir), max_batch=self.max_batch)


def build(order: Order, progress: Progress) -> EngineInfo:
    """Compile a package into the cache, in this process; what is there already is not made again.

    Raises:
        PackageError: The package is not sound.
        EngineError: The backend cannot do it, builds nothing ahead, or there is no cache to keep it in.
    """
    package = open_package(order.folder)
    name, module = usable_module(order.backend)
    if not isinstance(module, Builder):
        raise EngineError(f"{name} builds nothing ahead: it loads every package as it is")
    settings = order.settings
    if settings.cache is None:
        raise EngineError("there is no folder to keep it in; set engine.cache_dir, or --cache-dir")
    return module.build(package, settings, progress)


def unbuilt(package: Package, order: Order) -> tuple[str, ...]:
    """The graphs that must be built first, which takes minutes; with most backends there are none.

    None either where the backend is not usable: to say so is up to `load_engine`. With `auto`, one that
    cannot do what is asked (a precision, say) is passed over, as it is when an engine is loaded.

    Raises:
        PackageError, EngineError: The backend cannot have anything built of this package.
    """
    for module in modules(order.backend):
        if not isinstance(module, SlowBuilder):
            return ()
        if not module.report().usable:
            continue
        try:
            return module.missing(package, order.settings)
        except EngineError:
            if order.backend != "auto":
                raise
    return ()


def machines(names: Iterable[str]) -> Mapping[str, Machine]:
    """What backends build for here and now, by name; without those that are not usable or build nothing."""
    found = ((name, usable_or_none(name)) for name in names)
    return {name: module.machine() for name, module in found if isinstance(module, Builder)}
