"""The faster precision is taken, measured once, and exactness wins where it costs nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamseg.inference.precision import ROUNDS, fastest

BOTH = ("bf16", "f32")


class Stopwatch:
    """Says what it is told, and how often it was asked."""

    def __init__(self, bf16: float, f32: float) -> None:
        self.times, self.asked = {"bf16": bf16, "f32": f32}, 0

    def __call__(self, name: str) -> float:
        self.asked += 1
        return self.times[name]


@pytest.mark.parametrize(("bf16", "expected"), [(6.0, "bf16"), (9.8, "f32"), (15.0, "f32")])
def test_bf16_must_be_clearly_faster(bf16: float, expected: str) -> None:
    choice = fastest(BOTH, Stopwatch(bf16, 10.0), "k", None)
    assert choice.precision == expected
    assert "f32 10.0 ms, just measured" in choice.why


def test_times_are_remembered_for_the_same_machine_only(tmp_path: Path) -> None:
    memo, watch = tmp_path / "cache/precision.json", Stopwatch(6.0, 10.0)
    fastest(BOTH, watch, "this machine", memo)
    again = fastest(BOTH, watch, "this machine", memo)
    assert (again.precision, watch.asked) == ("bf16", 2 * ROUNDS)
    assert "measured before" in again.why
    fastest(BOTH, watch, "another", memo)
    assert watch.asked == 4 * ROUNDS
    fastest(BOTH, watch, "this machine", memo)
    assert watch.asked == 4 * ROUNDS


@pytest.mark.parametrize("content", ["{", "[]", '{"k": 3}', '{"k": {"bf16": null}}'])
def test_a_damaged_memo_is_measured_again(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    memo = tmp_path / "precision.json"
    memo.write_text(content)
    assert fastest(BOTH, Stopwatch(6.0, 10.0), "k", memo).precision == "bf16"
    assert "measuring again" in caplog.text
    assert "measured before" in fastest(BOTH, Stopwatch(6.0, 10.0), "k", memo).why


def test_a_memo_that_cannot_be_written_is_only_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    choice = fastest(BOTH, Stopwatch(6.0, 10.0), "k", tmp_path / "file" / "precision.json")
    assert choice.precision == "bf16"
    assert "measuring again next time" in caplog.text
