from __future__ import annotations

from streamseg.inference.backends.tensorrt import standard


def test_it_goes_by_its_name() -> None:
    report = standard.report()
    assert report.name == "tensorrt"
    assert report.usable or report.why_not
