"""A configuration under examination: what is said of it, where, and what is not said twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamseg.config.parsed_config import Draft, ReadOptions, examine, log_warnings, read_draft
from streamseg.config.sources import read_text
from streamseg.errors import EXIT_CONFIG, EXIT_UNEXPECTED, ConfigError

SOUND = "engine: {threads: 1}\npublish: {bind: ipc://x}\nstreams:\n  gate: {source: x, ema: 0.1}\n"


def draft(text: str, options: ReadOptions | None = None) -> Draft:
    return examine(read_text(text, "c.yaml"), options or ReadOptions({}))


def said(found: Draft) -> list[str]:
    return [str(problem) for problem in sorted(found.problems)]


@pytest.mark.parametrize(
    ("where", "told"),
    [
        (("engines", "default", "threads"), "c.yaml:1: engine.threads"),
        (("engines", "default", "model"), "c.yaml:1: engine.model"),
        (("publish", "bind", 0), "c.yaml:2: publish.bind"),
        (("streams", "gate", "source", "url"), "c.yaml:4: streams.gate.source"),
        (("streams", "gate", "temporal"), "c.yaml:4: streams.gate.temporal"),
        (("status", "bind"), "c.yaml:1: status.bind"),
    ],
)
def test_a_problem_is_told_where_the_user_wrote_it(where: tuple[int | str, ...], told: str) -> None:
    found = draft(SOUND)
    found.add(where, "is wrong")
    assert said(found) == [f"{told}: is wrong"]


def test_of_what_is_wrong_already_no_more_is_said() -> None:
    found = draft("defaults: {ema: 3}\nstreams:\n  a: {source: [x]}\n  b: {source: x, engine: '${UNSET}'}\n")
    before = said(found)
    assert len(before) == 3
    for where in [
        ("streams", "a", "source", "url"),
        ("streams", "a", "ema"),
        ("streams", "b", "engine"),
        ("defaults", "ema"),
    ]:
        found.add(where, "is wrong")
        found.warn(where, "is odd")
    assert said(found) == before
    assert not found.warnings
    found.add(("streams", "b", "source", "url"), "is wrong")
    assert len(said(found)) == 4


def test_one_mistake_hides_none_of_another_kind() -> None:
    text = (
        "publish: {hwm: many}\nstatus: {bind: nonsense, page: 3}\nengines: {day: {threads: -1}, night: {}}\n"
        "streams:\n  a b: {source: x, engine: dusk, ema: 3}\n  c: {source: x, roi: {x: 0.5}, engine: dawn}\n"
    )
    assert [problem.split(": ")[1] for problem in said(draft(text))] == [
        "publish.hwm",
        "status.bind",
        "status.page",
        "engines.day.threads",
        "streams.a b",
        "streams.a b.ema",
        "streams.a b.engine",
        "streams.c.engine",
        "streams.c.roi",
    ]


def test_the_exit_code_says_whether_another_try_may_help() -> None:
    found = draft(SOUND)
    found.add(("publish", "bind", 0), "is taken", may_pass=True)
    with pytest.raises(ConfigError) as caught:
        found.accept()
    assert caught.value.exit_code == EXIT_UNEXPECTED
    found.add(("streams", "gate"), "is wrong")
    with pytest.raises(ConfigError) as caught:
        found.accept()
    assert caught.value.exit_code == EXIT_CONFIG


def test_without_variables_texts_are_taken_as_they_are() -> None:
    options = ReadOptions(env=None)
    assert draft("streams: {a: {source: '${A}'}}", options).accept().streams["a"].source.url == "${A}"


def test_a_variable_that_is_not_set() -> None:
    text = "streams: {a: {source: 'rtsp://u:${PW}@h'}}"
    hint = ReadOptions({}, unset_hint="set it")
    where = "c.yaml:1: streams.a.source: ${PW} is not set in the environment"
    assert said(draft(text)) == [where]
    assert said(draft(text, hint)) == [f"{where}; set it"]
    assert said(draft(text, ReadOptions({}, offline=True))) == []


def test_a_credential_of_systemd() -> None:
    text = "streams: {a: {source: {url: 'rtsp://u@h', password_file: '${CREDENTIALS_DIRECTORY}/a'}}}"
    (problem,) = said(draft(text))
    assert "systemd sets it for a service that has LoadCredential=" in problem
    found = draft(text, ReadOptions({}, as_service=True))
    assert said(found) == []
    assert [str(warning).split(": ")[1] for warning in found.warnings] == ["streams.a.source.password_file"]


def test_no_password_in_a_problem_or_a_warning() -> None:
    found = draft("streams: {a: {source: 'rtsp://u:s3cret@h'}}")
    found.add(("streams", "a"), "rtsp://u:s3cret@h is wrong")
    found.warn(("streams", "a"), "s3cret is odd")
    assert not [text for text in (*said(found), *map(str, found.warnings)) if "s3cret" in text]


def test_a_folder_of_streams_is_read_along(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(SOUND)
    (tmp_path / "streams.d").mkdir()
    (tmp_path / "streams.d" / "more.yaml").write_text("\nyard: {source: y}\n")
    found = read_draft(tmp_path / "c.yaml", ReadOptions({}))
    found.add(("streams", "yard", "source", "url"), "is wrong")
    assert said(found) == [f"{tmp_path}/streams.d/more.yaml:2: streams.yard.source: is wrong"]


def test_warnings_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    log_warnings(["c.yaml:1: beware"])
    assert caplog.messages == ["configuration: c.yaml:1: beware"]
