from __future__ import annotations

from streamseg.inference.tensorrt import rtx


def test_it_goes_by_its_name() -> None:
    report = rtx.report()
    assert report.name == "tensorrt_rtx"
    assert report.usable or report.why_not
