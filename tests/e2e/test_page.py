"""The page in a real Chromium, on a real daemon with real files and a camera that is killed."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from benchmarks.clip import camvid_clip, make_clip
from examples.daemon import Daemon, running
from streamseg.inference.packages.package import open_package
from tests.capture.conftest import write_clip
from tests.parts import rtsp
from tests.parts.browser import DESKTOP, MISSING, PHONE, Visit, card, chromium
from tests.waiting import time_limit, wait_for

WHY_NOT = MISSING or rtsp.missing()
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "-"),
    pytest.mark.timeout(time_limit(300)),
]

STREAMS = ("drive", "yard", "camera", "wide", "strip")
RATIOS = {"drive": 4 / 3, "wide": 16 / 9, "strip": 32 / 9}  # what the streams' pictures are, width : height


@dataclass(frozen=True)
class Watched:
    """A daemon of two files, a camera, two test pictures, and a camera that is neither there nor required.

    Attributes:
        site: Where its page is.
        camera: The camera's server.
        classes: The names of the model's classes.
    """

    site: str
    camera: rtsp.RtspServer
    classes: set[str]


def config(folder: Path, drive: Path, yard: Path, camera: str, refused: str) -> dict[str, Any]:
    test_picture = {"url": "lavfi:testsrc2=size=640x360:rate=5"}
    return {
        "engine": {"model": "camvid-lite0", "precision": "f32", "cache_dir": str(folder / "cache")},
        "publish": {"bind": [f"ipc://{folder}/masks"]},
        "status": {"bind": "127.0.0.1:0"},
        "defaults": {"max_fps": 4},
        "streams": {
            "drive": {"source": {"url": str(drive), "loop": True}},
            "yard": {"source": {"url": str(yard), "loop": True}, "temporal": "none"},
            "camera": {"source": {"url": camera, "reconnect_initial_s": 0.2, "reconnect_max_s": 0.5}},
            "wide": {"source": test_picture, "max_fps": 1, "temporal": "none"},
            "strip": {"source": test_picture, "max_fps": 1, "roi": {"y": 0.25, "h": 0.5}},
            "absent": {"source": {"url": refused}, "required": False},
        },
    }


def site_of(daemon: Daemon) -> str:
    """What the daemon's log says of its page."""

    def said() -> re.Match[str] | None:
        return re.search(r"http://127\.0\.0\.1:\d+", daemon.log.read_text())

    wait_for(lambda: said() is not None or daemon.exit_code is not None, 60, "the page's address")
    found = said()
    assert found, daemon.log.read_text()
    return found[0]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    made = make_clip(folder / "made.mp4", frames=60)
    drive = camvid_clip() or made
    classes = {one.name for one in open_package("camvid-lite0").manifest.classes}
    with (
        socket.socket() as silent,
        rtsp.RtspServer("--clip", f"live={drive if drive is not made else _avc(folder)}") as camera,
        running(config(folder, drive, made, camera.url("live"), refusing(silent)), folder) as daemon,
    ):
        yield Watched(site_of(daemon), camera, classes)


def refusing(silent: socket.socket) -> str:
    """The address of a camera that refuses while `silent` is held, which is bound and does not listen."""
    silent.bind(("127.0.0.1", 0))
    return f"rtsp://127.0.0.1:{silent.getsockname()[1]}/live"


def _avc(folder: Path) -> Path:
    """The made clip in H.264, which is what the camera speaks."""
    return write_clip(folder / "avc.mp4", frames=50, size_wh=(160, 120), codec="libx264")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture
def visit(browser: Browser, watched: Watched) -> Iterator[Visit]:
    made = Visit(browser, watched.site)
    yield made
    made.close()
    assert made.complaints == []


def shown(page: Page, stream: str) -> Locator:
    """A stream's card once it runs and has a picture."""
    found = page.locator(card(stream, "good"))
    expect(found).to_be_visible()
    expect(found.locator(".legend li").first).to_be_visible()
    return found


def pixels(shown: Locator) -> str:
    """A fingerprint of the mask that is seen."""
    script = """canvas => {
        const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        let sum = 0;
        for (let i = 0; i < data.length; i++) sum = (sum * 31 + data[i]) >>> 0;
        return `${canvas.width}x${canvas.height} ${sum}`;
    }"""
    found: str = shown.locator(".mask").evaluate(script)
    return found


def expect_change(shown: Locator, before: str) -> None:
    wait_for(lambda: pixels(shown) != before, 60, "another mask")


def test_two_streams_are_shown_and_their_masks_move(visit: Visit) -> None:
    page = visit.open()
    for stream in ("drive", "yard"):
        found = shown(page, stream)
        before = pixels(found)
        assert before.startswith("480x360 ")
        expect_change(found, before)
        for figure in ("age", "fps", "flicker"):
            expect(found.locator(f'[data-figure="{figure}"]')).to_have_text(
                re.compile(r"^[\d.]+ ?(ms|s|/s|%)$")
            )
        expect(found.locator('[data-curve="age_ms"] .line').first).to_be_attached()
    expect(page.locator("#health")).to_have_text(re.compile("give masks"))


def test_pointing_names_a_class_and_the_legend_its_share(visit: Visit, watched: Watched) -> None:
    found = shown(visit.open(), "drive")
    found.locator(".frame").hover()
    expect(found.locator(".tip")).to_be_visible()
    assert found.locator(".tip b").inner_text() in watched.classes
    names = found.locator(".legend b").all_inner_texts()
    shares = [float(text.removesuffix(" %")) for text in found.locator(".legend span").all_inner_texts()]
    assert set(names) <= watched.classes
    assert 50 < sum(shares) <= 102
    visit.page.mouse.move(2, 2)
    expect(found.locator(".tip")).to_be_hidden()


def expect_readiness(page: Page, ready: bool) -> None:
    """`/readyz` answers so, and the page's header agrees by its colour and in words."""
    wait_for(lambda: page.request.get("/readyz").ok is ready, 60, f"/readyz with ready={ready}")
    header = page.locator(f"#health[data-level={'good' if ready else 'bad'}]")
    expect(header).to_have_text(re.compile("^Ready, " if ready else "^Not ready, "))


def test_a_killed_camera_turns_red_and_green_again(visit: Visit, watched: Watched) -> None:
    page = visit.open()
    shown(page, "camera")
    expect_readiness(page, ready=True)
    watched.camera.kill()
    red = page.locator(card("camera", "bad"))
    expect(red).to_be_visible()
    expect(page.locator(".card").first).to_have_attribute("data-stream", "camera")
    expect_readiness(page, ready=False)
    expect(red.locator(".veil")).not_to_be_empty()
    tone = red.locator(".state").evaluate("state => getComputedStyle(state).backgroundColor")
    assert tone == "rgb(209, 41, 31)"
    visit.keep("wall-camera-killed")
    watched.camera.start()
    shown(page, "camera")
    expect_readiness(page, ready=True)


def ratio(page: Page, stream: str) -> float:
    """Width : height of a stream's picture as it is seen; of the mask, which lies on it, too."""
    script = "one => (box => box.width / box.height)(one.getBoundingClientRect())"
    found = shown(page, stream)
    seen = [float(found.locator(which).evaluate(script)) for which in (".picture", ".mask")]
    assert seen[0] == pytest.approx(seen[1], rel=0.01)
    return seen[0]


@pytest.mark.parametrize("size_wh", [DESKTOP, PHONE])
def test_pictures_have_the_shape_of_their_source(
    browser: Browser, watched: Watched, size_wh: tuple[int, int]
) -> None:
    visit = Visit(browser, watched.site, size_wh)
    page = visit.open()
    for stream in RATIOS:
        page.locator(card(stream)).scroll_into_view_if_needed()
    assert {stream: ratio(page, stream) for stream in RATIOS} == pytest.approx(RATIOS, rel=0.02)
    visit.open("/streams/strip")
    expect(page.locator("#detail[data-level=good] .legend li").first).to_be_visible()
    box = page.locator(".picture").bounding_box()
    assert box is not None
    assert box["width"] / box["height"] == pytest.approx(RATIOS["strip"], rel=0.02)
    visit.close()


def test_a_stream_that_is_not_required_is_first_and_leaves_the_header_green(visit: Visit) -> None:
    page = visit.open()
    for stream in STREAMS:
        expect(page.locator(card(stream))).to_have_count(1)
    expect_readiness(page, ready=True)
    expect(page.locator("#health")).to_have_text(re.compile("none from absent, not required$"))
    expect(page.locator(".card").first).to_have_attribute("data-stream", "absent")
    expect(page.locator(card("absent")).locator(".optional")).to_be_visible()
    expect(page.locator(card("absent")).locator(".veil")).not_to_be_empty()


def test_the_filter_leaves_what_it_names(visit: Visit) -> None:
    page = visit.open()
    shown(page, "drive")
    page.get_by_label("Filter streams").fill("STRIP")
    expect(page.locator(".card:visible")).to_have_count(1)
    expect(page.locator(card("strip"))).to_be_visible()
    page.reload(wait_until="domcontentloaded")
    expect(page.locator(card("strip"))).to_be_visible()
    expect(page.locator(".card:visible")).to_have_count(1)
    page.get_by_label("Filter streams").fill("nothing of that name")
    expect(page.locator("#nothing")).to_have_text("No stream matches the filter.")
    page.get_by_label("Filter streams").fill("")
    expect(page.locator(".card:visible")).to_have_count(len(STREAMS) + 1)


def test_why_the_memory_was_reset_is_told(visit: Visit) -> None:
    page = visit.open("/streams/drive")
    reset = page.locator('#events li[data-what="memory"]').filter(has_text="reset:")
    expect(reset.first).to_have_text(re.compile("first frame|began again|scene cut|too long since"))


def test_one_stream_in_detail(visit: Visit) -> None:
    page = visit.open()
    shown(page, "drive").get_by_role("link", name="drive").click()
    expect(page).to_have_url(re.compile("/streams/drive$"))
    expect(page.locator("#stages b")).to_have_text(["decode", "wait", "infer", "stabilise"])
    expect(page.locator("#stages span").first).to_have_text(re.compile(r"^[\d.]+ ms$"))
    expect(page.locator("#events b").filter(has_text="running").first).to_be_visible()
    expect(page.locator("#counts dd").nth(1)).not_to_have_text("0")


@pytest.mark.parametrize(("size", "size_wh"), [("desktop", DESKTOP), ("phone", PHONE)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_is_kept_as_a_picture(
    browser: Browser, watched: Watched, size: str, size_wh: tuple[int, int], scheme: Any
) -> None:
    visit = Visit(browser, watched.site, size_wh, scheme)
    page = visit.open()
    for stream in STREAMS:
        page.locator(card(stream)).scroll_into_view_if_needed()
        shown(page, stream)
    visit.keep(f"wall-{size}-{scheme}", whole=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= size_wh[0]
    page = visit.open("/streams/drive")
    expect(page.locator("#detail[data-level=good] .legend li").first).to_be_visible()
    visit.keep(f"stream-{size}-{scheme}", whole=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= size_wh[0]
    visit.close()
    assert visit.complaints == []
