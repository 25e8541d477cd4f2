"""What makes a test red on another machine, or beside other tests, is in none of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
EXEMPT = {"waiting.py", "concurrency/test_deadline.py", "steady.py", "test_steadiness.py"}
# Calls whose first argument is seconds to wait at most; a shorter wait than a second is meant to pass.
WAITS = re.compile(r"(^|\.)Deadline$|\.wait$|mark\.timeout$|(thread|reader|stage|worker|process)\w*\.join$")
LEAST_S = {
    "timeout": 1.0,
    "timeout_s": 5.0,
    "open_timeout": 1.0,
}  # of keywords; masks are waited for in turns
CLOSED = re.compile(r"(127\.0\.0\.1|localhost|\[::1\]):9\b(?!\d)")

LIMIT = "a limit that does not grow on a busy machine: time_limit(…) of tests/waiting.py"
THREADS = "threads of all tests in this process: ask the one that is meant, or use a child process"
PORT = "a port that may be open: closed_port() of tests/capture/servers.py"


def is_number(node: ast.expr, least: float) -> bool:
    """Whether it is so many seconds at least, and less than a day, which only a clock of one's own counts."""
    number = node.value if isinstance(node, ast.Constant) else None
    return isinstance(number, int | float) and least <= number < 86400


def faults(code: str) -> Iterator[tuple[int, str]]:
    """Line and fault, of the code of a test module; code of child processes is text to it."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {
            "threading.enumerate",
            "threading.active_count",
        }:
            yield node.lineno, THREADS
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CLOSED.search(node.value):
            yield node.lineno, PORT
        if isinstance(node, ast.Call):
            waits = WAITS.search(ast.unparse(node.func)) and len(node.args) == 1 and not node.keywords
            if waits and is_number(node.args[0], 1.0):
                yield node.lineno, LIMIT
            for keyword in node.keywords:
                if keyword.arg in LEAST_S and is_number(keyword.value, LEAST_S[keyword.arg]):
                    yield node.lineno, LIMIT


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("worker.join(Deadline(20))", LIMIT),
        ("thread.join(60)", LIMIT),
        ("assert event.wait(10.0)", LIMIT),
        ("subprocess.run(command, timeout=60)", LIMIT),
        ("subscribe(address, timeout_s=20)", LIMIT),
        ("pytestmark = pytest.mark.timeout(300)", LIMIT),
        ("[t.name for t in threading.enumerate()]", THREADS),
        ("assert threading.active_count() == 1", THREADS),
        ("subscribe('tcp://127.0.0.1:9')", PORT),
    ],
)
def test_each_fault_is_found(code: str, fault: str) -> None:
    assert list(faults(code)) == [(1, fault)]


@pytest.mark.parametrize(
    "code",
    [
        "worker.join(Deadline(time_limit(20)))",
        "assert not stage.join(Deadline(0.01))",
        "Deadline(2.5, clock=clock)",
        "', '.join(names)",
        "subscriptions.join(7)",
        "subscribe(address, timeout_s=0.2)",
        "bind = 'tcp://127.0.0.1:9000'",
    ],
)
def test_what_is_none_is_not(code: str) -> None:
    assert list(faults(code)) == []


def test_no_test_has_one() -> None:
    found = [
        f"tests/{path.relative_to(TESTS)}:{line}: {fault}"
        for path in sorted(TESTS.rglob("*.py"))
        if str(path.relative_to(TESTS)) not in EXEMPT
        for line, fault in faults(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)
