"""One decision for `config check`, `run` and a reload: all mistakes at once; what is accepted can be run."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamseg.capture.source import describe
from streamseg.config.parsed_config import Draft, ReadOptions, examine
from streamseg.config.schema import Config
from streamseg.config.sources import read_text
from streamseg.daemon import preflight as module
from streamseg.daemon.app import Daemon
from streamseg.daemon.event_loop import EventLoop
from streamseg.daemon.packages import open_packages
from streamseg.daemon.preflight import Accepted, Machine, preflight
from streamseg.errors import EXIT_CONFIG, EXIT_UNEXPECTED, ConfigError, MissingExtraError
from streamseg.publish.address import check_form
from tests.config.test_repair import KEYS, VALUES
from tests.fakes.packages import Tiny, make_package

SOURCE = "lavfi:testsrc"
FREE = "publish: {bind: 'tcp://127.0.0.1:0'}\n"
EVERY_KIND = """\
daemon:
  log_level: info
  stop_timeout_s: -1
engine:
  modle: x
engines:
  day: {model: camvid-lit0}
  night: {model: /nowhere}
publish:
  bind:
    - udp://127.0.0.1:5555
    - tcp://0.0.0.0:5555
    - tcp://127.0.0.1:x
  hwm: many
status:
  bind: 0.0.0.0:8600
  token_file: /nowhere/token
defaults:
  motion: flow
  ema: 3
streams:
  a/b: {source: lavfi:testsrc}
  gate:
    source: {url: "rtmp://h/x", stall_after_s: -1}
    roi: {x: 0.5}
    engine: dusk
  yard: {source: /nowhere.mp4, engine: day}
  roof: {source: /, sorce: 1}
  hall: {source: 0}
  cam: {source: "${NO_SUCH_VARIABLE}"}
  bare: {source: "0"}
  udp: {source: "udp://10.0.0.1:5"}
  srt: {source: "srt://10.0.0.1:5", max_fps: fast}
  gopher: {source: "gopher://h/x"}
  password: {source: {url: "rtsp://h/x", password_file: /nowhere}}
  host: {source: "rtsp:///x"}
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("tiny")).path


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("bare"), Tiny(stabiliser=False)).path


@pytest.fixture(scope="module")
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as held:
        yield held.getsockname()[1]


def drafted(text: str, **options: Any) -> Draft:
    return examine(read_text(text, "c.yaml"), ReadOptions({}, **options))


def refused(text: str, machine: Machine | None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        preflight(drafted(text, offline=machine is None), machine)
    return caught.value


def decided(text: str, *, free: bool = False) -> Accepted:
    return preflight(drafted(text), Machine({}, free))


def stream(tiny: Path, more: str = "", **source: Any) -> str:
    url = {"url": SOURCE, **source}
    return f"engine: {{model: {tiny}}}\n{more or FREE}streams:\n  gate:\n    source: {url}\n"


def test_a_mistake_of_every_kind_is_told_in_one_round_by_line() -> None:
    found = [problem.split(": ")[:2] for problem in refused(EVERY_KIND, Machine({})).problems]
    assert found == [
        ["c.yaml:3", "daemon.stop_timeout_s"],
        ["c.yaml:5", "engine.modle"],
        ["c.yaml:7", "engines.day.model"],
        ["c.yaml:8", "engines.night.model"],
        ["c.yaml:11", "publish.bind.0"],
        ["c.yaml:12", "publish.bind.1"],
        ["c.yaml:13", "publish.bind.2"],
        ["c.yaml:14", "publish.hwm"],
        ["c.yaml:17", "status.token_file"],
        ["c.yaml:20", "defaults.ema"],
        ["c.yaml:22", "streams.a/b"],
        ["c.yaml:24", "streams.gate.source.stall_after_s"],
        ["c.yaml:24", "streams.gate.source.url"],
        ["c.yaml:25", "streams.gate.roi"],
        ["c.yaml:26", "streams.gate.engine"],
        ["c.yaml:27", "streams.yard.source"],
        ["c.yaml:28", "streams.roof.sorce"],
        ["c.yaml:28", "streams.roof.source"],
        ["c.yaml:29", "streams.hall.source"],
        ["c.yaml:30", "streams.cam.source"],
        ["c.yaml:31", "streams.bare.source"],
        ["c.yaml:32", "streams.udp.source"],
        ["c.yaml:33", "streams.srt.max_fps"],
        ["c.yaml:33", "streams.srt.source"],
        ["c.yaml:34", "streams.gopher.source"],
        ["c.yaml:35", "streams.password.source.password_file"],
        ["c.yaml:35", "streams.password.source.url"],
        ["c.yaml:36", "streams.host.source"],
    ]


def test_mended_one_by_one_each_mistake_is_gone_and_no_other_comes() -> None:
    """Nothing was hidden by anything else."""
    before = refused(EVERY_KIND, Machine({})).problems
    lines = EVERY_KIND.splitlines()
    for number in (3, 14, 20, 22, 28, 33, 36):  # of one value, or of a whole stream
        lines[number - 1] = "# mended"
        after = refused("\n".join(lines), Machine({})).problems
        assert set(after) == {problem for problem in before if not problem.startswith(f"c.yaml:{number}:")}
        before = after


def test_offline_only_the_files_are_looked_at(tiny: Path) -> None:
    found = [problem.split(": ")[1] for problem in refused(EVERY_KIND, None).problems]
    elsewhere = {"engines.day.model", "engines.night.model", "streams.yard.source", "status.token_file"}
    assert not elsewhere & set(found)
    assert {"publish.bind.0", "streams.udp.source", "streams.gate.engine", "streams.bare.source"} <= set(
        found
    )
    text = stream(tiny / "nowhere", "", url="${NO_SUCH_VARIABLE}")
    assert preflight(drafted(text, offline=True), None).config.streams


@pytest.mark.parametrize("free", [False, True])
def test_what_fails_says_the_same_at_a_start_and_in_a_check(free: bool) -> None:
    assert refused(EVERY_KIND, Machine({}, free)).problems == refused(EVERY_KIND, Machine({})).problems


def test_what_may_pass_by_itself_is_worth_another_try(tiny: Path) -> None:
    missing = stream(tiny, url="/nowhere.mp4")
    assert refused(missing, Machine({})).exit_code == EXIT_UNEXPECTED
    assert refused(missing + "    ema: 3\n", Machine({})).exit_code == EXIT_CONFIG


def test_a_stream_that_is_not_required_may_fail_alone(tiny: Path) -> None:
    accepted = decided(stream(tiny, url="/nowhere.mp4") + "    required: false\n")
    (warning,) = accepted.warnings
    assert warning.startswith("c.yaml:5: streams.gate.source.url: /nowhere.mp4: there is no such file")


def test_a_port_in_use_is_fatal_only_for_who_is_about_to_start(tiny: Path, taken: int) -> None:
    address = f"tcp://127.0.0.1:{taken}"
    text = stream(tiny, f"publish: {{bind: '{address}'}}\n")
    error = refused(text, Machine({}, free=True))
    assert error.problems[0].startswith(f"c.yaml:2: publish.bind: cannot bind {address}: somebody listens")
    assert error.exit_code == EXIT_UNEXPECTED
    (warning,) = decided(text).warnings
    assert warning.startswith(f"c.yaml:2: publish.bind: {address} is in use; fine where")
    assert preflight(drafted(text), Machine({}, free=True, bound=(address,))).warnings == ()


@pytest.mark.parametrize("address", ["tcp://nosuch0:5555", "tcp://203.0.113.7:5555"])
def test_an_address_that_may_come_up_late_is_worth_another_try(tiny: Path, address: str) -> None:
    text = stream(tiny, f"publish: {{bind: '{address}', insecure: true}}\n")
    assert refused(text, Machine({}, free=True)).exit_code == EXIT_UNEXPECTED


def test_a_status_port_in_use_is_fatal_only_for_who_is_about_to_start(tiny: Path, taken: int) -> None:
    address = f"127.0.0.1:{taken}"
    text = stream(tiny, f"{FREE}status: {{bind: '{address}'}}\n")
    error = refused(text, Machine({}, free=True))
    assert error.problems[0].startswith(f"c.yaml:3: status.bind: {address} cannot be bound: ")
    assert error.exit_code == EXIT_UNEXPECTED
    (warning,) = decided(text).warnings
    assert warning.startswith(f"c.yaml:3: status.bind: {address} is in use; fine where")
    assert preflight(drafted(text), Machine({}, free=True, bound=(address,))).warnings == ()


def test_a_folder_that_systemd_will_make(tiny: Path) -> None:
    text = stream(tiny, "publish: {bind: 'ipc:///run/nosuch-streamseg/masks'}\n")
    (warning,) = decided(text).warnings
    assert "the folder is not there yet; systemd makes it" in warning
    assert "folder does not exist" in refused(text, Machine({}, free=True)).problems[0]
    assert "folder does not exist" in refused(text.replace("/run/", "/"), Machine({})).problems[0]


def test_one_address_for_two(tiny: Path) -> None:
    twice = stream(tiny, "publish: {bind: ['tcp://localhost:5555', 'tcp://127.0.0.1:5555']}\n")
    assert refused(twice, None).problems == [
        "c.yaml:2: publish.bind.1: tcp://127.0.0.1:5555 stands there twice"
    ]
    page = stream(tiny, "publish: {bind: 'tcp://127.0.0.1:5555'}\nstatus: {bind: '127.0.0.1:5555'}\n")
    assert "is taken by publish.bind" in refused(page, None).problems[0]
    free = "publish: {bind: ['tcp://127.0.0.1:0', 'tcp://127.0.0.1:0']}\nstatus: {bind: '127.0.0.1:0'}\n"
    assert preflight(drafted(stream(tiny, free)), None).warnings == ()


def test_what_a_package_cannot_do(bare: Path) -> None:
    said = refused(stream(bare) + "    temporal: convgru\n", Machine({})).problems
    assert len(said) == 1
    assert said[0].startswith(
        "c.yaml:6: streams.gate.temporal: tiny: temporal mode convgru needs a package with"
    )
    text = (
        f"engine: {{model: {bare}, precision: int8}}\n{FREE}streams: {{gate: {{source: x, temporal: ema}}}}"
    )
    assert "c.yaml:1: engine.precision: " in "\n".join(refused(text, Machine({})).problems)


def test_a_package_by_the_folders_of_the_environment(tiny: Path) -> None:
    text = stream(Path(tiny.name))
    assert preflight(drafted(text), Machine({"STREAMSEG_MODEL_PATH": str(tiny.parent)})).config.engines


def test_a_home_of_nobody(tiny: Path) -> None:
    assert (
        "engine.model: ~nobody-there/x" in refused(stream(Path("~nobody-there/x")), Machine({})).problems[0]
    )


def test_an_extra_that_is_not_there(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise MissingExtraError("daemon.trace", "otel")

    monkeypatch.setattr(module, "require_sdk", missing)
    text = stream(tiny, f"{FREE}daemon:\n  trace: {{endpoint: 'http://h'}}\n")
    said = refused(text, Machine({})).problems[0]
    assert said.startswith("c.yaml:4: daemon.trace.endpoint: daemon.trace needs")


def test_what_stands_in_a_file_of_its_own_is_told_there(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("gopher://elsewhere/kept")  # what is in such a file is never told again
    (tmp_path / "url").chmod(0o600)
    text = f"{FREE}streams:\n  gate:\n    source:\n      url_file: {tmp_path}/url\n"
    said = refused(text, Machine({})).problems[-1]
    assert said.startswith("c.yaml:5: streams.gate.source.url_file: ")
    assert "not a kind of source" in said


def test_warnings_go_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    config = Config.model_validate({"streams": {"gate": {"source": SOURCE}}})
    assert Accepted(config, ("c.yaml:1: beware",)).log() is config
    assert caplog.messages == ["configuration: c.yaml:1: beware"]


@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5))
def test_any_mapping_gives_a_list_of_problems_or_a_configuration(document: dict[str, Any]) -> None:
    try:
        problems = (
            [] if preflight(drafted(yaml.safe_dump(document)), Machine({})).config.streams else ["none"]
        )
    except ConfigError as error:
        problems = error.problems or ["none"]
    assert all(problem.startswith("c.yaml") for problem in problems)


ADDRESSES = st.sampled_from(
    [
        "tcp://127.0.0.1:0",
        "tcp://127.0.0.1:*",
        "ipc://@x",
        "tcp://0.0.0.0:0",
        "udp://h:1",
        "ipc://",
        "5555",
        "tcp://[::1]:0",
    ]
)
SOURCES = st.sampled_from(
    [
        SOURCE,
        "rtsp://h/x",
        "rtsp://u:p@h/x",
        "rtsp://",
        "http://h:99999/",
        "/",
        __file__,
        "/nowhere",
        "0",
        "udp://h",
        "",
    ]
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Configurations with mistakes here and there, as often sound as not."""
    engines = draw(
        st.dictionaries(
            st.sampled_from(["day", "night"]), st.sampled_from(["tiny", "bare", "gone"]), min_size=1
        )
    )
    gate = st.fixed_dictionaries(
        {"source": SOURCES},
        optional={
            "engine": st.sampled_from([*engines, "dusk"]),
            "temporal": st.sampled_from(["ema", "convgru"]),
            "required": st.booleans(),
            "ema": st.sampled_from([0.5, 3]),
        },
    )
    return {
        "engines": engines,
        "publish": {
            "bind": draw(st.lists(ADDRESSES, min_size=1, max_size=2)),
            "insecure": draw(st.booleans()),
        },
        "streams": draw(st.dictionaries(st.sampled_from(["gate", "a/b"]), gate, min_size=1)),
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(documents())
def test_what_is_accepted_can_be_run(tiny: Path, bare: Path, document: dict[str, Any]) -> None:
    folders = {"tiny": str(tiny), "bare": str(bare), "gone": "/nowhere"}
    document["engines"] = {name: {"model": folders[kind]} for name, kind in document["engines"].items()}
    try:
        config = preflight(drafted(yaml.safe_dump(document)), Machine({}, free=True)).config
    except ConfigError:
        return
    assert open_packages(config).keys() == config.engines.keys()
    for address in config.publish.bind:
        check_form(address, insecure=config.publish.insecure)
    for gate in config.streams.values():
        describe(gate.source)
    daemon = Daemon(config, EventLoop())  # all rooms take their part of it
    assert daemon.stop()
