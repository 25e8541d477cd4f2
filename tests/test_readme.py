"""README promises nothing that is not there: its map of rooms, links, verbs, configuration and programs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.test_rooms import LADDER, OFFLINE

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
pytestmark = pytest.mark.tree


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, header and rule left out."""
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def rooms_of(cell: str) -> set[str]:
    return {name.removesuffix(".py").rstrip("/") for name in re.findall(r"`([^`]+)`", cell)}


def test_the_map_of_rooms_has_every_room() -> None:
    mapped = {room for row in rows("Rooms") for room in rooms_of(row[0])}
    assert mapped == set(LADDER) - {"", "__main__"}


def below(row: list[str]) -> set[str]:
    return {name.strip() for name in row[2].split(",")} - {"–"}


@pytest.mark.parametrize("row", [row for row in rows("Rooms") if below(row) <= set(LADDER)])
def test_the_map_of_rooms_says_what_the_ladder_enforces(row: list[str]) -> None:
    assert all(LADDER[room] == below(row) for room in rooms_of(row[0]))


def test_the_offline_rooms_are_on_the_map_last() -> None:
    assert {room for row in rows("Rooms")[-2:] for room in rooms_of(row[0])} == OFFLINE


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_every_verb_it_names_is_one_that_make_lists() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    verbs = set(re.findall(r"^\s+make ([a-z-]+)", listed, re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE))
    assert named <= verbs
    assert {"demo", "test", "test-real", "lint", "types", "wheel-check", "bench", "train", "clean"} <= verbs
