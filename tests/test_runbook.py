"""The runbook knows every state, reason and exit code, and every warning and error the daemon can log."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamseg import errors
from streamseg.daemon.engine.state import EngineState
from streamseg.errors import SourceFault, StreamFault
from streamseg.temporal.reset import ResetReason
from streamseg.types import StreamState
from tests.test_rooms import OFFLINE, PACKAGE, ROOT

pytestmark = pytest.mark.tree
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
LOUD = {"warning", "error", "exception", "critical"}
STATES = {"%s"}  # templates that are filled with a state, which has a section of its own


def entries(heading: str) -> list[str]:
    """First cells of the table below a heading, without their backticks."""
    section = RUNBOOK.split(f"## {heading}\n")[1].split("\n## ")[0]
    cells = [line.strip("|").split(" | ")[0].strip() for line in section.splitlines() if line[:1] == "|"]
    return [cell.strip("`") for cell in cells[2:]]


def logging_calls() -> Iterator[tuple[Path, ast.Call, int]]:
    """Every call that logs what wants attention, and which of its arguments is the template."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.relative_to(PACKAGE).parts[0] in OFFLINE:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            if node.func.attr in LOUD:
                yield path, node, 0
            elif node.func.attr == "log" and len(node.args) > 1:
                yield path, node, 1


def templates() -> dict[str, str]:
    """Every template with `…` for what is filled in, and where it stands."""
    found = {}
    for path, call, place in logging_calls():
        where = f"{path.relative_to(ROOT)}:{call.lineno}"
        argument = call.args[place]
        assert isinstance(argument, ast.Constant), f"{where}: a template that no runbook can name"
        assert isinstance(argument.value, str), where
        if argument.value not in STATES:
            found[re.sub(r"%[-.\d]*[sdgrf]", "…", argument.value)] = where
    return found


def test_every_state_of_a_stream_has_an_entry() -> None:
    assert entries("States of a stream") == [state.value for state in StreamState]


def test_every_reason_has_an_entry() -> None:
    assert entries("Reasons") == [fault.value for fault in (*SourceFault, *StreamFault)]


def test_every_state_of_an_engine_has_an_entry() -> None:
    assert entries("States of an engine") == [state.value for state in EngineState]


def test_every_reset_has_an_entry() -> None:
    assert entries("When a memory is let go") == [reason.value for reason in ResetReason]


def test_every_exit_code_has_an_entry() -> None:
    codes = {code for name, code in vars(errors).items() if name.startswith("EXIT_")}
    assert {int(cell) for cell in entries("Exit codes")} == codes | {
        2,
        128 + 15,
    }  # wrong use; a second SIGTERM


def test_every_log_line_has_an_entry_and_no_entry_is_of_the_past() -> None:
    found = templates()
    assert len(found) > 8, "the search finds what is logged"
    missing = {where: line for line, where in found.items() if line not in entries("Log lines")}
    assert not missing
    assert set(entries("Log lines")) <= set(found)
    assert len(set(entries("Log lines"))) == len(entries("Log lines")), "a line stands there twice"


@pytest.mark.parametrize("page", ["runbook.md", "deployment.md"])
def test_every_link_leads_somewhere(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for file, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", text):
        target = (ROOT / "docs" / file) if file else ROOT / "docs" / page
        headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
        assert not anchor or anchor in {heading.lower().replace(" ", "-") for heading in headings}
