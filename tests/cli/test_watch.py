"""`streamseg watch`, with the real publisher at the other end."""

from __future__ import annotations

import errno
import io
import itertools
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from streamseg.cli import main, watch
from streamseg.client.record import indexed_png
from streamseg.client.subscription import Mask, Subscription
from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.meters import RateMeter
from streamseg.concurrency.rate_limit import RateLimiter
from streamseg.publish.encode import build_mask_message
from streamseg.publish.outbox import Pending
from streamseg.publish.publisher import Publisher
from streamseg.types import ClassInfo, StateChange, StreamState
from streamseg.wire.control_headers import StatusHeader
from tests.publish.conftest import make_segmentation
from tests.waiting import time_limit


class Clock:
    """Stands still until `over`; then more time has passed than anybody waits for."""

    def __init__(self, over: Callable[[], bool]) -> None:
        self._over = over

    def monotonic(self) -> float:
        return 1e9 if self._over() else 0.0


@pytest.fixture
def address() -> Iterator[str]:
    """Where masks of `gate` are published, one every few milliseconds."""
    publisher, stop = Publisher(["tcp://127.0.0.1:0"]), threading.Event()
    publisher.start()

    def publish() -> None:
        seq = 0
        while not stop.wait(0.02):
            publisher.offer(make_segmentation(seq), "zstd")
            seq += 1

    thread = threading.Thread(target=publish)
    thread.start()
    yield publisher.addresses[0]
    stop.set()
    thread.join()
    publisher.stop()
    assert publisher.join(Deadline(time_limit(60)))


def test_json_is_one_object_a_mask(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", address, "--stream", "gate", "--json", "--count", "3"]) == 0
    masks = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(masks) == 3
    assert all(mask["stream"] == "gate" and mask["v"] == 1 and mask["age_ms"] > 0 for mask in masks)
    assert [mask["seq"] for mask in masks] == sorted(mask["seq"] for mask in masks)


def test_a_line_for_people(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", address, "--count", "2"]) == 0
    line = capsys.readouterr().out
    assert line.startswith("gate ")
    assert all(part in line for part in ("fps", "age p50", "gaps 0", "drops"))


def test_save_writes_each_mask(address: str, tmp_path: Path) -> None:
    assert main(["watch", address, "--count", "2", "--save", str(tmp_path / "out")]) == 0
    saved = list((tmp_path / "out").glob("gate-*.png"))
    assert len(saved) == 2
    sent = make_segmentation(0).labels
    assert all(path.read_bytes().startswith(indexed_png(sent, ())[:33]) for path in saved)  # sizes and kind


def test_silence_is_said_and_ends_by_timeout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = itertools.count()
    monkeypatch.setattr(watch, "_LOOK_S", 0.01)
    monkeypatch.setattr(watch, "time", Clock(lambda: next(looks) > 2))
    address = f"ipc://{tmp_path}/nobody"
    assert main(["watch", address, "--timeout", "2", "--json"]) == 1
    told, error = capsys.readouterr()
    assert told == "", "what is not a mask goes to standard error"
    assert "is the daemon running?" in error
    assert f"no mask from {address} within 2 s" in error


def test_a_silent_stream_is_explained(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def explained() -> bool:
        said.append(capsys.readouterr().err)
        return "gate is backoff (camera: refused)" in "".join(said)

    monkeypatch.setattr(watch, "time", Clock(explained))
    publisher = Publisher(["tcp://127.0.0.1:0"])
    publisher.start()
    publisher.status(StateChange("gate", StreamState.BACKOFF, 1.0, "refused", "camera: refused"))
    assert main(["watch", publisher.addresses[0], "--timeout", "3"]) == 1
    publisher.stop()
    assert publisher.join(Deadline(time_limit(60)))
    assert f"no mask from {publisher.addresses[0]} within 3 s: gate is backoff" in capsys.readouterr().err


def test_the_json_is_the_header_of_the_wire_and_the_age() -> None:
    pending = Pending(make_segmentation(5), "raw", "ab", 5, 0)
    header, _ = build_mask_message(pending, epoch="e", wall=lambda: 1.0, clock=lambda: 1.0)
    mask = Mask(pending.segmentation.labels, header, (), 0, header.time.capture + 0.25)
    assert json.loads(watch.as_line(mask)) == {**header.json, "age_ms": 250.0}


def test_another_stream_is_not_shown(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", address, "--stream", "yard", "--timeout", "1"]) == 1
    told, error = capsys.readouterr()
    assert told == ""
    assert f"no mask from {address} within 1 s" in error


@pytest.mark.parametrize(
    ("arguments", "said"), [(["nonsense"], "not an address"), (["--stream=a/b"], "'a/b'")]
)
def test_what_cannot_be_subscribed_to_is_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", *arguments]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_folder_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["watch", "--save", str(tmp_path / "file" / "out")]) == 1
    assert "cannot be made" in capsys.readouterr().err


def test_a_folder_that_fills_up_or_goes(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watch, "save_mask", full)
        assert main(["watch", address, "--save", str(tmp_path)]) == 1
    assert "a mask cannot be saved: No space left on device" in capsys.readouterr().err


def masks_of(*streams: str, names: str = "sky") -> Iterator[Mask]:
    """One mask after the other, as they come."""
    for seq, stream in enumerate(streams):
        pending = Pending(make_segmentation(seq, stream), "raw", "ab", seq, 0)
        header, _ = build_mask_message(pending, epoch="e", wall=lambda: 1.0, clock=lambda: 1.0)
        classes = (ClassInfo(0, names, (0, 0, 0)),)
        yield Mask(pending.segmentation.labels, header, classes, 0, header.time.capture + 0.25)


class Silent:
    """A subscription without a mask; the daemon has news before the n-th look, and then it is closed."""

    def __init__(self, *news: StatusHeader | None) -> None:
        self.statuses: dict[str, StatusHeader] = {}
        self.refused = (0, "")
        self._news = list(news)

    def __next__(self) -> Mask:
        if not self._news:
            raise StopIteration
        if change := self._news.pop(0):
            self.statuses[change.stream] = change
        raise TimeoutError


def viewer_on(out: io.StringIO, *, as_json: bool = False) -> watch.Viewer:
    return watch.Viewer(cast("Subscription", Silent()), watch.Display(out), as_json=as_json, save=None)


def test_one_mask_makes_no_rate() -> None:
    out = io.StringIO()
    viewer = viewer_on(out)
    for mask in masks_of("gate"):
        viewer.show(mask)
    assert out.getvalue().startswith("gate     - fps  age p50")


def test_the_rate_is_that_of_the_masks_after_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr(watch, "RateMeter", partial(RateMeter, clock=lambda: now_s))
    monkeypatch.setattr(watch, "RateLimiter", partial(RateLimiter, clock=lambda: now_s))
    out = io.StringIO()
    viewer = viewer_on(out)
    for mask in masks_of(*["gate"] * 23):
        viewer.show(mask)
        now_s += 0.1
    assert [line.split()[1] for line in out.getvalue().splitlines()] == ["-", "10.0", "10.0"]


def test_an_age_that_cannot_be_is_short() -> None:
    out = io.StringIO()
    for mask in masks_of("gate"):
        viewer_on(out).show(replace(mask, received_unix_s=-1e299))
    assert "age p50 -1e+302 p95 -1e+302 ms" in out.getvalue()


STRANGE = "\x1b[2J\x1b]0;title\x07\u202e\r\n\x9b31m"


@pytest.mark.parametrize("as_json", [False, True])
def test_nothing_that_a_mask_says_steers_the_terminal(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    out = io.StringIO()
    viewer = viewer_on(out, as_json=as_json)
    for mask in masks_of("gate", names=STRANGE):
        strange = replace(mask.header, mode=STRANGE, model=STRANGE, ms={STRANGE: 1.0})
        viewer.show(replace(mask, header=strange))
    told = (out.getvalue() + capsys.readouterr().out).removesuffix("\n")
    assert told
    assert told.isprintable()


def test_nothing_that_a_status_says_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    silent = Silent(StatusHeader("gate", "e", STRANGE, 1.0, STRANGE, STRANGE))
    silent.refused = (1, STRANGE)
    assert list(watch.arriving(cast("Subscription", silent), "here", 0)) == []
    told = capsys.readouterr().err.removesuffix("\n")
    assert told.isprintable()
    assert "gate is ?[2J" in told


def test_streams_without_end_are_not_all_followed() -> None:
    viewer = viewer_on(io.StringIO())
    for mask in masks_of(*(f"x{number}" for number in range(1000))):
        viewer.show(mask)
    assert len(viewer._seen) == 256
    assert len(viewer._display._lines) == 64
    assert "x999" in viewer._display._lines


def test_of_many_silent_streams_some_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    silent = Silent(None)
    silent.statuses = {f"x{number}": StatusHeader(f"x{number}", "e", "stalled", 1.0) for number in range(500)}
    assert list(watch.arriving(cast("Subscription", silent), "here", 0)) == []
    told = capsys.readouterr().err
    assert "x499 is stalled; 480 more streams" in told
    assert told.count("stalled") == 20


def test_a_socket_that_may_not_be_used_is_told_as_that(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watch, "denied", lambda address: f"permission denied: {address}")
    assert list(watch.arriving(cast("Subscription", Silent(None)), "ipc:///run/masks", 0)) == []
    told = capsys.readouterr().err
    assert told == "waiting for masks from ipc:///run/masks: permission denied: ipc:///run/masks\n"


class Terminal(io.StringIO):
    """What a terminal would be sent."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_each_stream_keeps_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    display = watch.Display(terminal)
    display.tell("gate", "gate 1 fps")
    display.tell("yard", "yard 2 fps [car]")
    display.tell("gate", "gate 3 fps")
    display.close()
    display.close()
    sent = terminal.getvalue()
    assert "\x1b[1A" in sent, "the cursor goes back up"
    assert sent.rindex("gate 3 fps") > sent.index("yard 2 fps [car]") > sent.index("gate 1 fps")


def test_a_terminal_without_a_mask_is_left_alone() -> None:
    terminal = Terminal()
    watch.Display(terminal).close()
    assert terminal.getvalue() == ""


def test_news_of_a_silent_stream_is_told_once_each(capsys: pytest.CaptureFixture[str]) -> None:
    connecting = StatusHeader("gate", "e", "connecting", 1.0)
    backoff = StatusHeader("gate", "e", "backoff", 1.0, "refused", "no")
    newer = StatusHeader("gate", "e", "warming", 1.0, "cold", "below\x1b[2J 5 °C")
    silent = Silent(None, None, connecting, connecting, None, backoff, newer)
    assert list(watch.arriving(cast("Subscription", silent), "here", 0)) == []
    assert capsys.readouterr().err.splitlines() == [
        "waiting for masks from here; is the daemon running?",
        "waiting for masks from here: gate is connecting",
        "waiting for masks from here: gate is backoff (no)",
        "waiting for masks from here: gate is warming (below?[2J 5 °C)",
    ]


def test_messages_that_cannot_be_read_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    silent = Silent(None)
    silent.refused = (2, "not a topic of seg/1")
    assert list(watch.arriving(cast("Subscription", silent), "here", 0)) == []
    told = "waiting for masks from here: 2 messages could not be read: not a topic of seg/1\n"
    assert capsys.readouterr().err == told


def watching(address: str) -> subprocess.Popen[str]:
    """`watch --json` in a process of its own that has shown its first mask."""
    command = [sys.executable, "-m", "streamseg", "watch", address, "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["stream"] == "gate"
    return process


@pytest.fixture
def heeded() -> Iterator[None]:
    """SIGINT as in a terminal: what runs in the background ignores it, and so do its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeded")
def test_ctrl_c_is_the_ordinary_end(address: str) -> None:
    process = watching(address)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=time_limit(60))
    assert process.returncode == 130
    assert error.strip() in {"", "Aborted."}


def test_a_reader_that_goes_is_no_error(address: str) -> None:
    process = watching(address)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == ""
    process.wait(time_limit(60))
