"""Files of environment variables: as systemd.exec(5) says of EnvironmentFile=."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.config.env_file import parse_env_file, read_env_file
from streamseg.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=b", "b"),
        ("A=", ""),
        ("A", None),
        ("A =  b c \t\n", "b c"),
        ("  A=b", "b"),
        ("A=b # no comment", "b # no comment"),
        ("A=$B${C}", "$B${C}"),
        ("A=b=c", "b=c"),
        ("#A=b", None),
        (";A=b", None),
        ("A='b  \" c'", 'b  " c'),
        ('A="b  \' c "', "b  ' c "),
        ("A='b\nc'", "b\nc"),
        (r'A="b \" \\ \$ \` \n"', r'b " \ $ ` \n'),
        ('A="b\\\nc"', "bc"),
        ("A='b\\c'", "b\\c"),
        ("A='b' \"c\"  d ", "bcd"),
        ("A=b\"c\"'d'", "b\"c\"'d'"),
        ("A=b\\\nc\n", "bc"),
        ("A=b\\\n", "b"),
        ("A=b\\ \n", "b "),
        ("A=b\\   \n", "b "),
        ("A=b\\\\  \n", "b\\"),
        ("A=\\b\\#", "b#"),
        ("A=b\\", "b"),
        ("A=b\r\nB=c", "b"),
        ("A='open", "open"),
        ('A="open\\', "open"),
        ("export A=b", None),
        ("1A=b", None),
        ("B=c\nA=b", "b"),
        ("A=a\nA=b", "b"),
        ("# goes on \\\nA=b", None),
        ("# does not\nA=b", "b"),
    ],
)
def test_what_a_variable_holds(text: str, value: str | None) -> None:
    assert parse_env_file(text).get("A") == value


@given(st.text(alphabet="Aa= \t\r\n\\'\"#;$é", max_size=40))
def test_any_text_gives_variables(text: str) -> None:
    for name, value in parse_env_file(text).items():
        assert name.isidentifier()
        assert isinstance(value, str)


@given(st.text(alphabet=st.characters(exclude_characters="'\0", exclude_categories=["Cs"]), max_size=40))
def test_what_is_quoted_is_taken_as_it_is(value: str) -> None:
    assert parse_env_file(f"X=1\nA='{value}'\nB=2") == {"X": "1", "A": value, "B": "2"}


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "streamseg.env"
    path.write_text("GATE_PASSWORD='s3cret'\n", encoding="utf-8")
    assert read_env_file(path) == {"GATE_PASSWORD": "s3cret"}


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"x.env: there is no such file"):
        read_env_file(tmp_path / "x.env")
    assert read_env_file(Path(f"-{tmp_path}/x.env")) == {}


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "x.env").write_bytes(b"A=\xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_env_file(tmp_path / "x.env")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_env_file(tmp_path)
