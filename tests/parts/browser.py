"""A real Chromium for tests of the page, and a place for what it saw."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.waiting import time_limit

CHROMIUM = shutil.which("chromium")
MISSING = (
    ""
    if CHROMIUM
    else f"Chromium is not installed: apt-get install $(cat {Path(__file__).with_name('apt.txt')})"
)
SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
DESKTOP, PHONE = (1280, 860), (390, 844)
PATIENCE_MS = 1000 * time_limit(60)  # reached only when a test fails

_ARGUMENTS = [
    "--no-sandbox",  # tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """One page in a window of its own; what it asked for and complained of.

    Attributes:
        page: The page.
        asked: The addresses of all its requests.
        complaints: Errors of its scripts, and what its console said of errors.
    """

    def __init__(
        self,
        browser: Browser,
        site: str,
        size_wh: tuple[int, int] = DESKTOP,
        scheme: Literal["light", "dark"] = "light",
    ) -> None:
        phone = size_wh == PHONE
        context = browser.new_context(
            base_url=site,
            viewport={"width": size_wh[0], "height": size_wh[1]},
            color_scheme=scheme,
            device_scale_factor=2 if phone else 1,
            has_touch=phone,
        )
        context.set_default_timeout(PATIENCE_MS)
        self.page: Page = context.new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("websocket", lambda socket: self.asked.append(socket.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type == "error" else None
        )

    def open(self, path: str = "/") -> Page:
        """Go there."""
        self.page.goto(path, wait_until="domcontentloaded")
        return self.page

    def keep(self, name: str, *, whole: bool = False) -> None:
        """Keep what is to be seen as a picture, and say where."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path, full_page=whole)
        print(f"screenshot: {path}")

    def close(self) -> None:
        """Close the window."""
        self.page.context.close()


def card(stream: str, level: str = "") -> str:
    """The selector of a stream's card on the wall, at a level or at any."""
    return f'.card[data-stream="{stream}"]' + (f'[data-level="{level}"]' if level else "")
