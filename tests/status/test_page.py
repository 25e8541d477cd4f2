"""The page in a real Chromium, on a status thread without a daemon: what is hard to bring about in one."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.worker_thread import StoppableThread
from streamseg.status.registry import StatusRegistry
from streamseg.status.web.auth import AccessPolicy
from streamseg.status.web.server import Settings, StatusServer
from streamseg.types import ClassInfo, StateChange, StreamState
from tests.fakes.stream import MODEL
from tests.parts.browser import DESKTOP, MISSING, PHONE, Visit, card, chromium
from tests.status.boards import make_board
from tests.status.masks import SIZE_WH, mask, plane
from tests.waiting import time_limit, wait_for

pytestmark = [pytest.mark.real, pytest.mark.skipif(bool(MISSING), reason=MISSING or "-")]

TOKEN = "correct-horse-battery"  # noqa: S105  # a token for tests
MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@contextmanager
def serving(door: AccessPolicy | None = None, streams: tuple[str, ...] = ("gate",)) -> Iterator[StatusServer]:
    """A status thread, and a thread that gives it masks as an engine would."""
    board = StatusRegistry(time.monotonic, time.time)
    classes = (*MODEL.classes, ClassInfo(2, MARKUP, (10, 200, 30)))
    for name in streams:
        board.add(name)
        board.serve(name, "default", replace(MODEL, classes=classes))
        board.changed(StateChange(name, StreamState.RUNNING, time.time()))
    server = StatusServer(board, Settings("127.0.0.1:0", door or AccessPolicy()), dict)
    server.start()
    engine = StoppableThread("fake-engine", lambda stop: _make_masks(stop, board, server, streams))
    engine.start()
    yield server
    for part in (engine, server):
        part.stop()
        assert part.join(Deadline(time_limit(60)))


def _make_masks(
    stop: threading.Event, board: StatusRegistry, server: StatusServer, streams: tuple[str, ...]
) -> None:
    labels = plane(2)
    labels[:, :20] = 0
    for seq in itertools.count():
        if stop.wait(0.05):
            return
        for name in streams:
            made = mask(name, seq=seq, labels=labels, captured_s=time.monotonic() - 0.03)
            board.mask(made)
            server.offer(made)


@contextmanager
def visiting(browser: Browser, server: StatusServer) -> Iterator[Visit]:
    visit = Visit(browser, f"http://{server.address}")
    yield visit
    visit.close()


def test_names_are_data(browser: Browser) -> None:
    with serving() as server, visiting(browser, server) as visit:
        page = visit.open()
        legend = page.locator(card("gate")).locator(".legend")
        expect(legend.locator("li").first).to_contain_text(MARKUP)
        frame = page.locator(card("gate")).locator(".frame")
        box = frame.bounding_box()
        assert box is not None
        frame.hover(position={"x": 0.8 * box["width"], "y": 0.5 * box["height"]})
        expect(page.locator(".tip b")).to_have_text(MARKUP)
        assert page.locator("img:not(.brand img)").count() == 0
        assert visit.complaints == []


def test_nothing_is_asked_of_anybody_else(browser: Browser) -> None:
    with serving() as server, visiting(browser, server) as visit:
        page = visit.open("/streams/gate")
        expect(page.locator("#stages li")).to_have_count(4)
        expect(page.locator("#events li").first).to_contain_text("running")
        assert len(visit.asked) > 8
        assert {urlsplit(address).netloc for address in visit.asked} == {server.address}
        assert visit.complaints == []


def test_the_token_opens_the_page_and_nothing_else_does(browser: Browser) -> None:
    with serving(AccessPolicy(TOKEN, loopback=False)) as server, visiting(browser, server) as visit:
        page = visit.open("/streams/gate")
        expect(page).to_have_url(re.compile("/login$"))
        visit.keep("login")
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("alert")).to_be_visible()
        assert page.request.get("/api/streams").status == 401
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Open").click()
        expect(page.locator(card("gate", "good"))).to_be_visible()
        assert TOKEN not in str(page.evaluate("document.cookie"))
        visit.complaints.clear()  # Chromium tells of the 401 asked for above


def test_a_daemon_that_goes_is_missed_and_one_that_comes_back_is_found(browser: Browser) -> None:
    with serving() as server, visiting(browser, server) as visit:
        page = visit.open()
        expect(page.locator(card("gate", "good"))).to_be_visible()
        expect(page.locator("#lost")).to_be_hidden()
        server.stop()
        assert server.join(Deadline(time_limit(60)))
        expect(page.locator("#lost")).to_be_visible()
        again = StatusServer(server._board, Settings(server.address), dict)
        again.start()
        expect(page.locator("#lost")).to_be_hidden()
        again.stop()
        assert again.join(Deadline(time_limit(60)))


def test_a_token_that_was_changed_is_asked_for(browser: Browser) -> None:
    with serving(AccessPolicy(TOKEN, loopback=False)) as server, visiting(browser, server) as visit:
        page = visit.open("/login")
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Open").click()
        expect(page.locator(card("gate", "good"))).to_be_visible()
        server.stop()
        assert server.join(Deadline(time_limit(60)))
        again = StatusServer(
            server._board, Settings(server.address, AccessPolicy(TOKEN[::-1], loopback=False)), dict
        )
        again.start()
        expect(page).to_have_url(re.compile("/login$"))
        again.stop()
        assert again.join(Deadline(time_limit(60)))
        visit.complaints.clear()  # Chromium tells of the connections refused, and of the 401


def test_only_what_is_in_sight_is_sent(browser: Browser) -> None:
    streams = tuple(f"cam{number}" for number in range(12))
    with serving(streams=streams) as server:
        visit = Visit(browser, f"http://{server.address}", PHONE)
        page = visit.open()
        expect(page.locator(card("cam0", "good"))).to_be_visible()
        wait_for(lambda: server._hub.wanted("cam0"))
        assert not server._hub.wanted("cam11")
        page.locator(card("cam11")).scroll_into_view_if_needed()
        wait_for(lambda: server._hub.wanted("cam11") and not server._hub.wanted("cam0"))
        visit.close()
        wait_for(lambda: not server._hub.wanted("cam11"))


def test_a_picture_that_comes_before_its_colours_is_coloured(browser: Browser) -> None:
    color = 'canvas => [...canvas.getContext("2d").getImageData(0, 0, 1, 1).data]'
    board = make_board()
    server = StatusServer(board, Settings("127.0.0.1:0"), dict)
    server.start()
    with visiting(browser, server) as visit:
        board.add("lane")  # no engine serves it yet
        seen = visit.open().locator(card("lane")).locator(".mask")
        wait_for(lambda: server._hub.wanted("lane"), 60)
        server.offer(mask("lane"))
        wait_for(lambda: seen.evaluate("canvas => canvas.width") == SIZE_WH[0], 60)
        assert seen.evaluate(color) == [128, 128, 128, 255]
        board.serve("lane", "default", MODEL)
        wait_for(lambda: seen.evaluate(color) == [*MODEL.classes[0].color, 255], 60)
    server.stop()
    assert server.join(Deadline(time_limit(60)))


def test_a_stream_that_is_removed_or_unknown(browser: Browser) -> None:
    with serving(streams=("gate", "yard")) as server, visiting(browser, server) as visit:
        page = visit.open()
        expect(page.locator(card("yard"))).to_be_visible()
        server._board.remove("yard")
        expect(page.locator(card("yard"))).to_have_count(0)
        page = visit.open("/streams/yard")
        expect(page.locator(".veil")).to_have_text("The daemon has no stream of this name.")


def test_what_was_chosen_is_remembered(browser: Browser) -> None:
    with serving() as server, visiting(browser, server) as visit:
        page = visit.open()
        expect(page.locator(card("gate"))).to_be_visible()
        page.get_by_label("Dark or light").click()
        page.get_by_label("Overlay").fill("20")
        for _ in range(2):
            assert page.evaluate("document.documentElement.dataset.theme") == "dark"
            assert page.evaluate("getComputedStyle(document.querySelector('.mask')).opacity") == "0.2"
            page.reload(wait_until="domcontentloaded")
            expect(page.locator(card("gate"))).to_be_visible()


def heights(page: Page) -> set[float]:
    boxes = [card.bounding_box() for card in page.locator(".card").all()]
    return {round(box["height"]) for box in boxes if box is not None}


@pytest.mark.parametrize("size_wh", [DESKTOP, PHONE])
def test_cards_with_and_without_a_picture_are_of_one_height(
    browser: Browser, size_wh: tuple[int, int]
) -> None:
    with serving(streams=("gate", "yard")) as server:
        server._board.add("lab", required=False)
        server._board.changed(StateChange("lab", StreamState.BACKOFF, time.time(), "refused", "no answer"))
        visit = Visit(browser, f"http://{server.address}", size_wh)
        page = visit.open()
        expect(page.locator(card("gate", "good")).locator(".legend li").first).to_be_visible()
        expect(page.locator(".card").first).to_have_attribute("data-stream", "lab")
        assert len(heights(page)) == 1
        visit.close()


def color_at(page: Page, x: int) -> list[int]:
    """Red, green, blue and opacity of the mask of `gate` in its column `x`."""
    script = '(canvas, x) => [...canvas.getContext("2d").getImageData(x, 20, 1, 1).data]'
    found: list[int] = page.locator(card("gate")).locator(".mask").evaluate(script, x)
    return found


def test_a_class_is_pinned_by_key_and_stays_in_colour(browser: Browser) -> None:
    """The mask is class 0 on its left third, class 2 elsewhere."""
    with serving() as server, visiting(browser, server) as visit:
        page = visit.open()
        road = page.locator(card("gate")).get_by_role("button", name=MODEL.classes[0].name)
        expect(road).to_have_attribute("aria-pressed", "false")
        road.focus()
        page.keyboard.press("Enter")
        expect(road).to_have_attribute("aria-pressed", "true")
        wait_for(lambda: color_at(page, 50)[3] < 255, 60, "the other class to be faint")
        assert color_at(page, 2)[3] == 255
        expect(road).to_be_focused()
        page.keyboard.press("Space")
        expect(road).to_have_attribute("aria-pressed", "false")
        wait_for(lambda: color_at(page, 50)[3] == 255, 60, "all classes in colour")
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        expect(road).to_have_attribute("aria-pressed", "false")


def test_a_tap_on_the_picture_pins_the_class_there(browser: Browser) -> None:
    with serving() as server:
        visit = Visit(browser, f"http://{server.address}", PHONE)
        page = visit.open()
        pinned = page.locator(card("gate")).locator('[aria-pressed="true"]')
        expect(page.locator(card("gate")).locator(".legend li").first).to_be_visible()
        frame = page.locator(card("gate")).locator(".frame")
        frame.tap(position={"x": 12, "y": 40})
        expect(pinned.locator("b")).to_have_text(MODEL.classes[0].name)
        frame.tap(position={"x": 12, "y": 40})
        expect(pinned).to_have_count(0)
        visit.close()


def test_one_stream_fills_the_screen_and_comes_back(browser: Browser) -> None:
    with serving() as server, visiting(browser, server) as visit:
        page = visit.open()
        expect(page.locator(card("gate", "good"))).to_be_visible()
        page.get_by_label("Full screen: gate").click()
        wait_for(lambda: bool(page.evaluate("document.fullscreenElement?.classList.contains('view')")), 60)
        page.get_by_label("Leave full screen: gate").click()
        wait_for(lambda: page.evaluate("document.fullscreenElement") is None, 60)


def test_where_the_browser_has_no_full_screen_the_window_is_filled(browser: Browser) -> None:
    with serving() as server, visiting(browser, server) as visit:
        visit.page.add_init_script("delete Element.prototype.requestFullscreen")
        page = visit.open()
        expect(page.locator(card("gate", "good"))).to_be_visible()
        page.get_by_label("Full screen: gate").click()
        expect(page.locator(".view")).to_have_css("width", f"{DESKTOP[0]}px")
        page.keyboard.press("Escape")
        expect(page.locator(".view")).not_to_have_css("width", f"{DESKTOP[0]}px")


def test_a_card_that_moves_keeps_the_focus(browser: Browser) -> None:
    with serving(streams=("gate", "yard")) as server, visiting(browser, server) as visit:
        page = visit.open()
        expect(page.locator(card("yard", "good"))).to_be_visible()
        link = page.get_by_role("link", name="yard")
        link.focus()
        server._board.changed(StateChange("yard", StreamState.STALLED, time.time(), "stalled", "no frame"))
        expect(page.locator(".card").first).to_have_attribute("data-stream", "yard")
        expect(link).to_be_focused()
        expect(page.locator("#health")).to_have_text("Not ready, 1 of 2 streams give masks; none from yard")
