"""The faster precision is taken, measured once, and exactness wins where it costs nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamseg.inference.precision_benchmark import ROUNDS, fastest

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


@pytest.mark.parametrize(
    ("f32", "bf16", "int8", "expected"),
    [
        (10.0, 5.0, 4.0, "int8"),
        (10.0, 5.0, 4.9, "bf16"),
        (10.0, 9.7, 9.6, "f32"),
        (10.0, 9.7, 9.0, "int8"),
        (5.0, 10.0, 7.0, "f32"),
    ],
)
def test_each_less_exact_one_must_be_worth_it(f32: float, bf16: float, int8: float, expected: str) -> None:
    times = {"int8": int8, "f32": f32, "bf16": bf16}
    choice = fastest(list(times), lambda name: times[name], "k", None)
    assert (choice.precision, choice.times_ms) == (expected, times)


def test_it_is_measured_again_when_asked(tmp_path: Path) -> None:
    memo = tmp_path / "precision.json"
    fastest(BOTH, Stopwatch(6.0, 10.0), "k", memo)
    again = fastest(BOTH, Stopwatch(12.0, 10.0), "k", memo, again=True)
    assert again.precision == "f32"
    assert fastest(BOTH, Stopwatch(1.0, 10.0), "k", memo).precision == "f32", "the new times are remembered"


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


def test_another_process_that_remembers_at_the_same_time_does_no_harm(tmp_path: Path) -> None:
    memo, under_way = tmp_path / "precision.json", tmp_path / "precision.part"
    under_way.write_text('{"other": {"bf')
    fastest(BOTH, Stopwatch(6.0, 10.0), "k", memo)
    assert "measured before" in fastest(BOTH, Stopwatch(6.0, 10.0), "k", memo).why
    assert under_way.read_text() == '{"other": {"bf'
    assert sorted(path.name for path in tmp_path.iterdir()) == ["precision.json", "precision.part"]


def test_a_memo_that_cannot_be_written_is_only_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    choice = fastest(BOTH, Stopwatch(6.0, 10.0), "k", tmp_path / "file" / "precision.json")
    assert choice.precision == "bf16"
    assert "measuring again next time" in caplog.text
