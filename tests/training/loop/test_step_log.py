"""The log of a stage."""

from __future__ import annotations

from pathlib import Path

from streamseg.training.loop.step_log import StepLog, read_log


def written(folder: Path) -> StepLog:
    log = StepLog(folder)
    for step in (1, 2, 3):
        log.append({"step": step, "loss": 0.5})
    for step in (2, 3):
        log.append({"validation": {"step": step, "score": 0.1}})
        log.append({"remark": {"step": step, "text": "guessing"}})
    return log


def test_what_will_be_done_again_is_dropped(tmp_path: Path) -> None:
    written(tmp_path).truncate(2, {2})
    assert read_log(tmp_path) == [
        {"step": 1, "loss": 0.5},
        {"step": 2, "loss": 0.5},
        {"validation": {"step": 2, "score": 0.1}},
        {"remark": {"step": 2, "text": "guessing"}},
    ]


def test_a_measurement_that_is_in_no_checkpoint_is_dropped(tmp_path: Path) -> None:
    written(tmp_path).truncate(3, {2})
    kept = read_log(tmp_path)
    assert [entry["step"] for entry in kept if "loss" in entry] == [1, 2, 3]
    assert [entry["validation"]["step"] for entry in kept if "validation" in entry] == [2]
    assert [entry["remark"]["step"] for entry in kept if "remark" in entry] == [2]


def test_a_line_cut_short_is_left_out(tmp_path: Path) -> None:
    written(tmp_path)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')
    assert len(read_log(tmp_path)) == 7


def test_there_may_be_none(tmp_path: Path) -> None:
    StepLog(tmp_path / "new").truncate(0, ())
    assert not (tmp_path / "new").exists()
