"""README promises nothing that is not there: its map of rooms, links, verbs, configuration and programs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streamseg.cli import app
from streamseg.concurrency.deadline import Deadline
from streamseg.config.load import parse
from streamseg.publish.publisher import Publisher
from tests.fakes.stream import MODEL, STREAM, segmentation
from tests.test_rooms import LADDER, OFFLINE
from tests.waiting import time_limit

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
    assert {room for row in rows("Rooms")[-len(OFFLINE) :] for room in rooms_of(row[0])} == OFFLINE


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_every_verb_it_names_is_one_that_make_lists() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    verbs = set(re.findall(r"^\s+make ([a-z-]+)", listed, re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE))
    assert named <= verbs
    assert {"demo", "test", "test-real", "lint", "types", "wheel-check", "bench", "train", "clean"} <= verbs


def test_the_configuration_it_shows_is_valid() -> None:
    (example,) = blocks("yaml")
    config = parse(example, "README.md", {"GATE_PASSWORD": "secret"})
    assert set(config.streams) == {"gate", "yard"}


@pytest.mark.parametrize(
    "line", sorted(set(re.findall(r"(?:^|`)streamseg ([a-z][^`\n]*)", README, re.MULTILINE)))
)
def test_every_command_it_names_exists_with_its_options(line: str) -> None:
    words = [word for word in line.split() if re.fullmatch("[a-z|]+", word)]
    for name in words[1].split("|") if words[1:] else [""]:
        asked = [words[0], *filter(None, [name]), "--help"]
        shown = CliRunner().invoke(app, asked, env={"COLUMNS": "200", "NO_COLOR": "1"})
        assert shown.exit_code == 0, shown.output
        assert all(word in shown.output for word in line.split() if word.startswith("--"))


@pytest.mark.parametrize("program", blocks("python"))
def test_its_programs_read_a_mask(program: str, tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/masks"
    once = program.replace("tcp://127.0.0.1:5555", address).replace("while True", "for _ in range(1)")
    once += "    break\n" if "subscribe(" in once.split("\n")[2] else "print(labels.shape)\n"
    publisher = Publisher([address])
    publisher.start()
    publisher.set_info(STREAM, MODEL)
    reader = subprocess.Popen([sys.executable, "-c", once], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    deadline = Deadline(time_limit(60.0))
    while reader.poll() is None and not deadline.expired:
        publisher.offer(segmentation(1), "zstd")
        try:
            reader.wait(0.02)
        except subprocess.TimeoutExpired:
            continue
    reader.kill()
    publisher.stop()
    assert publisher.join(Deadline(time_limit(60)))
    printed = reader.communicate()[0]
    assert reader.returncode == 0
    assert "(48, 64)" in printed or "road" in printed
