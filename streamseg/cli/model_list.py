"""`streamseg model list` and `prune`: the packages, and what is compiled of them for which machine."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamseg.cli.output import say
from streamseg.cli.package_summary import line
from streamseg.errors import PackageError

if TYPE_CHECKING:
    from streamseg.inference.cache.audit import Finding
    from streamseg.inference.cache.store import CompileCache
    from streamseg.inference.packages.package import FoundPackage

CacheDir = Annotated[
    Path | None,
    typer.Option(help="cache folder, as engine.cache_dir (default: the user's cache)", show_default=False),
]
_DAY_S = 86400.0


def list_packages(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
    cache_dir: CacheDir = None,
) -> None:
    """List model packages by name, and the cache of compiled models: machine, size, age, stale or not."""
    from streamseg.inference.packages.package import find_packages, search_path  # noqa: PLC0415

    packages = find_packages()
    findings = _survey(_store(cache_dir))
    if as_json:
        say(json.dumps(_document(packages, findings, time.time()), indent=1))
    elif not packages:
        raise PackageError(f"no model package in {', '.join(map(str, search_path()))}")
    else:
        for text in (*map(line, packages), *_lines(findings, time.time())):
            say(text)


def prune(
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="delete all entries, not only stale ones")
    ] = False,
    older_than: Annotated[
        float | None, typer.Option(min=0, metavar="DAYS", help="delete older entries too, stale or not")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only print what would be deleted")] = False,
    cache_dir: CacheDir = None,
) -> None:
    """Delete stale entries from the cache of compiled models.

    Stale: damaged, for another version or machine, or of a package that was removed or has changed.
    """
    store, now_s = _store(cache_dir), time.time()
    before_s = now_s if everything else now_s - older_than * _DAY_S if older_than is not None else 0.0
    chosen = [found for found in _survey(store) if _is_stale(found) or found.entry.made_unix_s <= before_s]
    for found in chosen:
        say(_line(found, now_s))
        if not dry_run:
            store.remove(found.entry)
    if not dry_run:
        store.tidy()
    say(f"{'would delete' if dry_run else 'deleted'} {_sum(chosen)}")


def _store(cache_dir: Path | None) -> CompileCache:
    from streamseg.inference.cache.folder import cache_folder  # noqa: PLC0415
    from streamseg.inference.cache.store import CompileCache  # noqa: PLC0415

    return CompileCache(cache_folder(cache_dir))


def _survey(store: CompileCache) -> list[Finding]:
    from streamseg.inference.build import machines  # noqa: PLC0415
    from streamseg.inference.cache.audit import survey  # noqa: PLC0415
    from streamseg.inference.packages.package import graphs_in  # noqa: PLC0415

    entries = store.entries()
    backends = {entry.label.key.machine.backend for entry in entries if entry.label is not None}
    return sorted(survey(entries, machines(backends), graphs_in), key=_place)


def _place(found: Finding) -> tuple[str, ...]:
    """Where it stands in a list: beside what was made of the same package."""
    label = found.entry.label
    if label is None:
        return ("",)
    key = label.key
    return label.origin.package, label.origin.role, key.machine.backend, key.precision, key.profile, key.flags


def _is_stale(found: Finding) -> bool:
    from streamseg.inference.cache.audit import State  # noqa: PLC0415

    return found.state is State.STALE


def _lines(findings: Sequence[Finding], now_s: float) -> list[str]:
    """What is compiled, and a sum; nothing where nothing is."""
    if not findings:
        return []
    stale = [found for found in findings if _is_stale(found)]
    hint = f"; {_sum(stale)} stale (streamseg model prune)" if stale else ""
    folder = findings[0].entry.path.parent
    return ["", *(_line(found, now_s) for found in findings), f"{folder}: {_sum(findings)}{hint}"]


def _line(found: Finding, now_s: float) -> str:
    """One line about what was compiled."""
    entry, why = found.entry, f"  {found.state}: {found.why}" if found.why else ""
    size = f"{entry.size / 1e6:.1f} MB, {_age(now_s - entry.made_unix_s)}"
    if entry.label is None:
        return f"{entry.path.name}  {size}{why}"
    key, origin = entry.label.key, entry.label.origin
    made = key.machine
    what = f"{origin.package} {origin.role}".strip()
    how = " ".join(filter(None, (key.precision, key.profile and f"batch {key.profile}", key.flags)))
    version = made.version.partition("-")[0]
    return f"{what}  {made.backend} {version} {how}  {made.device}  {size}{why}"


def _age(seconds: float) -> str:
    for unit_s, name in ((_DAY_S, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= unit_s:
            return f"{seconds / unit_s:.0f} {name} old"
    return "just made"


def _sum(findings: Sequence[Finding]) -> str:
    count = len(findings)
    return f"{count} {'entry' if count == 1 else 'entries'}, {_megabytes(findings)} MB"


def _megabytes(findings: Iterable[Finding]) -> str:
    return f"{sum(found.entry.size for found in findings) / 1e6:.1f}"


def _document(
    packages: Iterable[FoundPackage], findings: Iterable[Finding], now_s: float
) -> dict[str, list[dict[str, Any]]]:
    return {
        "packages": [_package(found) for found in packages],
        "compiled": [_compiled(found, now_s) for found in findings],
    }


def _package(found: FoundPackage) -> dict[str, Any]:
    manifest = None if found.package is None else found.package.manifest
    return {
        "folder": str(found.path),
        "name": found.path.name,
        "version": None if manifest is None else manifest.version,
        "problem": found.problem,
    }


def _compiled(found: Finding, now_s: float) -> dict[str, Any]:
    entry, label = found.entry, found.entry.label
    origin = None if label is None else label.origin
    return {
        "path": str(entry.path),
        "bytes": entry.size,
        "age_s": round(now_s - entry.made_unix_s, 1),
        "state": found.state.value,
        "why": found.why,
        "package": None if origin is None else origin.package,
        "folder": None if origin is None else str(origin.folder),
        "role": None if origin is None else origin.role,
        "key": None if label is None else label.key.json,
    }
