"""The plans of a package: taken from the cache, or built into it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from streamseg.inference.backend import Progress
from streamseg.inference.backends.tensorrt.build import BuildRequest, build_plan
from streamseg.inference.cache.key import CacheKey, Machine, Origin, timing_key
from streamseg.inference.cache.store import CompileCache
from streamseg.inference.packages.manifest import GraphRole
from streamseg.inference.packages.package import Package

_WITHOUT_TIMING = "tensorrt_rtx"  # measures nothing while it builds
_TIMING = Origin("", Path(), "timing cache")


class Plans:
    """What an engine is made of.

    Args:
        trt: The module `tensorrt` or `tensorrt_rtx`.
        machine: What it builds for.
        store: Where plans are kept.
        package: The package.
        requests: What has to be built for it (`provider.requests`).
        precision: What the segmenter computes in.
    """

    def __init__(
        self,
        trt: Any,
        machine: Machine,
        store: CompileCache,
        package: Package,
        requests: Mapping[GraphRole, BuildRequest],
        precision: str,
    ) -> None:
        self._trt, self._machine, self._store = trt, machine, store
        self._package, self._requests, self._precision = package, requests, precision

    def missing(self) -> tuple[GraphRole, ...]:
        """The graphs that have no plan in the cache, or none to be trusted."""
        return tuple(role for role in self._requests if self._store.load(self._key(role)) is None)

    def obtain(self, progress: Progress | None = None) -> dict[GraphRole, bytes]:
        """Every plan; those that are not in the cache are built, one after the other.

        Raises:
            PackageError, EngineError: See `build_plan`; or a plan is to be kept and cannot be.
        """
        return {role: self._obtain(role, progress) for role in self._requests}

    def _obtain(self, role: GraphRole, progress: Progress | None) -> bytes:
        make = partial(self._build, role, progress)
        return self._store.obtain(self._key(role), self._package.origin(role), make, bytes, bytes)

    def _build(self, role: GraphRole, progress: Progress | None) -> bytes:
        told = progress and (lambda phase, done, of: progress(f"{role}: {phase}", done, of))
        built = build_plan(self._trt, self._requests[role], self._measured(), told)
        if built.timing:
            self._store.save(timing_key(self._machine), _TIMING, built.timing)
        return built.plan

    def _measured(self) -> bytes | None:
        """What earlier builds on this machine have measured."""
        if self._machine.backend == _WITHOUT_TIMING:
            return None
        return bytes(self._store.load(timing_key(self._machine)) or b"")

    def _key(self, role: GraphRole) -> CacheKey:
        request = self._requests[role]
        batches = request.batches
        flags = (
            request.name,  # a plan carries it inside
            f"workspace {request.workspace_mb} MiB",
            f"tactics {request.tactic_mb} MiB",
            f"for {request.capabilities or 'this GPU'}",
            f"prepared {hashlib.sha256(request.onnx).hexdigest()[:16]}",
        )
        return CacheKey(
            graph=self._package.running(self._precision)[role].sha256,
            machine=self._machine,
            precision=request.precision,
            profile=f"{batches.least}-{batches.most}, tuned for {batches.tuned}",
            flags=", ".join(flags),
        )
