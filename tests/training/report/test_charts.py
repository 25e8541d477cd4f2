"""Each thing in a log has a curve of its own, and nothing in it breaks the page."""

from __future__ import annotations

from typing import Any

import pytest

from streamseg.training.report.charts import as_png, draw, read_curves, smooth

LOG: list[object] = [
    {"step": 1, "lr": 0.1, "loss": 2.0, "ce": 1.9, "warp": 0.01},
    {"step": 2, "lr": 0.1, "loss": 1.0, "ce": 0.9, "warp": 0.02, "critic": 0.7, "critic_accuracy": 0.5},
    {"validation": {"step": 2.0, "score": 0.6, "miou": 0.65, "flicker": 0.004}},
    {"remark": {"step": 2, "text": "the discriminator is always right"}},
]


def lines(figure: Any) -> dict[str, list[float]]:
    return {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].lines}


def test_a_log_is_sorted_by_kind() -> None:
    curves = read_curves(LOG)
    assert curves.losses == {
        "ce": [(1, 1.9), (2, 0.9)], "loss": [(1, 2.0), (2, 1.0)], "warp": [(1, 0.01), (2, 0.02)],
    }  # fmt: skip
    assert curves.critic == {"critic": [(2, 0.7)], "critic_accuracy": [(2, 0.5)]}
    assert curves.measures == {"flicker": [(2.0, 0.004)], "miou": [(2.0, 0.65)]}
    assert curves.remarks == [(2, "the discriminator is always right")]


@pytest.mark.parametrize(
    "entry",
    [
        [1, 2],
        "text",
        None,
        {"weather": {"step": 3, "wind": 5.0}},
        {"step": 3, "note": "no number", "ce": float("nan")},
        {"step": "three", "ce": 1.0},
        {"ce": 1.0},
        {"validation": 0.5},
        {"validation": {"miou": 0.5}},
        {"remark": "no step"},
        {"remark": {"step": 3}},
    ],
)
def test_what_is_not_understood_is_passed_over(entry: object) -> None:
    assert read_curves([*LOG, entry]) == read_curves(LOG)


def test_measures_of_differing_scale_have_figures_of_their_own() -> None:
    figures = draw(read_curves(LOG))
    assert list(figures) == ["losses", "discriminator", "flicker", "miou"]
    assert lines(figures["flicker"]) == {"flicker": [0.004]}
    assert lines(figures["miou"]) == {"miou": [0.65]}
    assert figures["miou"].axes[0].get_title() == "validation: miou, 0.65 at the end"
    assert lines(figures["losses"])["warp"] == [0.01, 0.02]
    assert figures["losses"].axes[0].get_yscale() == "log"


def test_a_small_change_is_not_blown_up() -> None:
    checks: list[object] = [{"validation": {"step": i, "miou": 0.6 + i / 1000}} for i in range(2)]
    low, high = draw(read_curves(checks))["miou"].axes[0].get_ylim()
    assert high - low == pytest.approx(0.2 * 0.6005)


def test_one_term_is_drawn_once() -> None:
    one: list[object] = [{"step": 1, "loss": 1.0, "ce": 1.0}]
    assert list(lines(draw(read_curves(one))["losses"])) == ["loss"]
    assert list(lines(draw(read_curves(LOG))["losses"])) == ["ce", "loss", "warp"]


def test_losses_that_fall_to_zero_have_a_linear_scale() -> None:
    figures = draw(read_curves([{"step": 1, "loss": 0.0}, {"step": 2, "loss": 1.0}]))
    assert figures["losses"].axes[0].get_yscale() == "linear"


def test_the_discriminator_is_held_against_guessing() -> None:
    drawn = lines(draw(read_curves(LOG))["discriminator"])
    assert drawn == {"critic": [0.7], "critic_accuracy": [0.5], "guessing: 0.5 right": [0.5, 0.5]}
    assert "discriminator" not in draw(read_curves(LOG[:1]))


def test_long_curves_are_smoothed_over_their_points() -> None:
    noisy: list[object] = [{"step": i, "loss": 1.0 + i % 2} for i in range(100)]
    axes = draw(read_curves(noisy))["losses"].axes[0]
    raw, mean = (list(line.get_ydata()) for line in axes.lines)
    assert raw[:4] == [1.0, 2.0, 1.0, 2.0]
    assert mean[-1] == pytest.approx(1.5, abs=0.03)


def test_an_empty_log_has_no_figures() -> None:
    assert draw(read_curves([])) == {}


def test_a_figure_becomes_a_png() -> None:
    assert as_png(draw(read_curves(LOG))["losses"]).startswith(b"\x89PNG")


def test_smoothing_is_a_trailing_mean() -> None:
    assert smooth([1.0, 3.0, 5.0], window=2) == pytest.approx([1.0, 2.0, 4.0])
    assert smooth([], window=2) == []


def test_a_step_that_stands_twice_is_drawn_once() -> None:
    log = [{"step": 1, "ce": 1.0}, {"step": 2, "ce": 0.9}, {"step": 1, "ce": 0.8}, {"step": 2, "ce": 0.7}]
    assert read_curves(log).losses["ce"] == [(1, 0.8), (2, 0.7)]
