"""The page's files: all there, and nothing from anywhere else."""

from __future__ import annotations

import re

import pytest

from streamseg.status.web.assets import load

ASSETS = load()
PAGES = ["wall.html", "stream.html", "login.html"]
SCRIPTS = sorted(name for name in ASSETS if name.endswith(".js"))


def text(name: str) -> str:
    return ASSETS[name].body.decode()


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_asks_for_is_there(page: str) -> None:
    asked = re.findall(r'(?:src|href)="/static/([^"]+)"', text(page))
    assert {"style.css", "icon.svg", "theme.js"} <= set(asked)
    assert set(asked) <= set(ASSETS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_what_a_script_imports_is_there(script: str) -> None:
    asked = re.findall(r'from "\./([^"]+)"', text(script))
    assert set(asked) <= set(ASSETS)


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_nothing_is_fetched_from_elsewhere(name: str) -> None:
    addresses = set(re.findall(r"(?:https?:)?//[a-z][\w.-]+", text(name)))
    assert addresses <= {"http://www.w3.org"}  # the name of SVG, which nobody fetches


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_word_of_the_daemon_becomes_markup(script: str) -> None:
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text(script)
    )


@pytest.mark.parametrize("page", PAGES)
def test_pages_hold_no_scripts_or_styles_of_their_own(page: str) -> None:
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|javascript:", text(page))


def test_a_tag_changes_with_its_file_and_kinds_are_known() -> None:
    assert len({asset.tag for asset in ASSETS.values()}) == len(ASSETS)
    assert ASSETS["wall.js"].kind.startswith("text/javascript")
