"""What this machine makes of the whole path (`make bench`): prints a table for README, then JSON.

After a daemon that fills the engine's cache, three times in turn: the engine alone, a daemon unpaced, a
daemon paced at 15 fps whose start is timed. Medians are told. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.clip import camvid_clip, make_clip
from benchmarks.end_to_end import BenchError, Measured, run
from benchmarks.machine import describe
from benchmarks.output import tell
from examples.model_option import add_model_option

ROOT = Path(__file__).resolve().parent.parent


def raw(clip: Path, model: str, rounds: int) -> dict[str, Any]:
    """The engine alone, in a process of its own.

    Raises:
        BenchError: It failed; with its last line.
    """
    command = [
        sys.executable,
        "-m",
        "benchmarks.engine_only",
        str(clip),
        "--model",
        model,
        "--rounds",
        str(rounds),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError((done.stderr.strip().splitlines() or ["the engine alone failed"])[-1])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def whole(paced: Measured, unpaced: Measured, raw_per_s: float) -> dict[str, Any]:
    """The figures of the whole path, beside the engine alone."""
    return {
        "masks_per_s": unpaced.tally.fps,
        "delivered_of_raw": unpaced.tally.fps / raw_per_s,
        "gaps_unpaced": unpaced.tally.gaps,
        "paced_fps": paced.tally.fps,
        "age_ms_p50": paced.tally.age_ms(0.5),
        "age_ms_p95": paced.tally.age_ms(0.95),
        "raw_ms": 1e3 / raw_per_s,
        "rss_mb": max(paced.rss_mb, unpaced.rss_mb),
        "second_start_s": paced.first_mask_s,
        "stop_s": max(paced.stop_s, unpaced.stop_s),
        "exit_codes": [paced.exit_code, unpaced.exit_code],
    }


def middle(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Of each figure the median over the repeats; of all else the first; exit codes are all kept."""
    first = found[0]
    merged = {
        key: median(one[key] for one in found) if isinstance(value, float | int) else value
        for key, value in first.items()
    }
    if "exit_codes" in first:
        merged["exit_codes"] = [code for one in found for code in one["exit_codes"]]
    return merged


def measure(clip: Path, model: str, rounds: int, seconds: float, repeats: int) -> dict[str, Any]:
    """Everything, the machine's name included; the engine alone and the whole path in turns.

    Raises:
        BenchError: A part did not run.
    """
    machine = describe()
    warm_up_s = seconds / 5
    # fills the cache: what follows is a second start
    run(clip, pace=True, model=model, warm_up_s=0, seconds=0)
    alone, path = list[dict[str, Any]](), list[dict[str, Any]]()
    for _ in range(repeats):
        alone.append(raw(clip, model, rounds))
        unpaced = run(clip, pace=False, model=model, warm_up_s=warm_up_s, seconds=seconds)
        paced = run(clip, pace=True, model=model, warm_up_s=warm_up_s, seconds=seconds)
        path.append(whole(paced, unpaced, alone[-1]["raw_per_s"]))
    return {
        "machine": machine,
        "clip": clip.name,
        "repeats": repeats,
        "engine": middle(alone),
        "path": middle(path),
    }


def named(found: dict[str, Any]) -> str:
    """One line: the machine, its versions, the model and the clip the figures belong to."""
    machine, engine = found["machine"], found["engine"]
    return (
        f"{machine['cpu']} ({', '.join(machine['cpu_flags'])}), {machine['cores']} cores, {machine['os']}, "
        f"Python {machine['python']}; {engine['model']} on {engine['backend']} in {engine['precision']}; "
        f"{found['clip']}; load before: {machine['load_before']}"
    )


def rows(engine: dict[str, Any], path: dict[str, Any]) -> dict[str, str]:
    """What was measured and its figure, in README's words."""
    parts = (
        f"{engine['segmenter_ms']:.1f} / {engine.get('stabiliser_ms', 0):.1f} / {engine['flow_ms']:.2f} ms"
    )
    return {
        "raw engine, segmenter + stabiliser back to back": f"{engine['raw_per_s']:.1f} inferences/s",
        "segmenter / stabiliser with readout / flow, median": parts,
        "masks delivered to a subscriber in another process, unpaced 480×360 file": (
            f"{path['masks_per_s']:.1f} masks/s"
        ),
        "delivered / raw": f"{path['delivered_of_raw']:.2f}",
        "age at a paced 15 fps, p50 / p95": f"{path['age_ms_p50']:.1f} / {path['age_ms_p95']:.1f} ms",
        "resident memory of the daemon": f"{path['rss_mb']:.0f} MB",
        "second start to first mask": f"{path['second_start_s']:.2f} s",
        "SIGTERM to exit": f"{path['stop_s']:.2f} s",
    }


def table(found: dict[str, Any]) -> str:
    """The figures as README shows them, the machine's name above."""
    figures = rows(found["engine"], found["path"])
    lines = [f"| {what} | {figure} |" for what, figure in figures.items()]
    return "\n".join([named(found), "", "| what | figure |", "|---|---|", *lines])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add_model_option(parser)
    parser.add_argument("--rounds", type=int, default=300, help="inferences of the engine alone")
    parser.add_argument("--seconds", type=float, default=8.0, help="how long each daemon is measured")
    parser.add_argument("--repeats", type=int, default=3, help="how often; the medians are told")
    parser.add_argument("--json", type=Path, help="write the JSON there instead of printing it")
    return parser.parse_args()


def main() -> int:
    asked = parse()
    try:
        with tempfile.TemporaryDirectory() as folder:
            clip = camvid_clip() or make_clip(Path(folder) / "made-15fps.mp4")
            found = measure(clip, asked.model, asked.rounds, asked.seconds, asked.repeats)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    tell(table(found), found, asked.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
