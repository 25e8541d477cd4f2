from __future__ import annotations

import pytest

from streamseg.errors import EXIT_CONFIG, PackageError
from streamseg.temporal.stage import make_stage
from streamseg.types import TemporalMode
from tests.fakes.engine import FakeEngine, fake_package


@pytest.mark.parametrize("mode", TemporalMode)
@pytest.mark.parametrize("motion", ["flow", "none"])
def test_every_mode_with_every_motion(mode: TemporalMode, motion: str) -> None:
    assert make_stage(mode.value, FakeEngine(), motion).mode is mode


def test_convgru_needs_a_stabiliser() -> None:
    engine = FakeEngine(fake_package(stabiliser=False))
    with pytest.raises(PackageError, match=r"fake: temporal mode convgru needs .* use ema or none") as caught:
        make_stage("convgru", engine)
    assert caught.value.exit_code == EXIT_CONFIG
    make_stage("ema", engine)
    make_stage("none", engine)


@pytest.mark.parametrize(("mode", "motion"), [("steady", "flow"), ("ema", "fast")])
def test_unknown_words_are_refused(mode: str, motion: str) -> None:
    with pytest.raises(ValueError, match="is not a valid"):
        make_stage(mode, FakeEngine(), motion)
