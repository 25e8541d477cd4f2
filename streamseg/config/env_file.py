r"""Files of environment variables as systemd reads them (systemd.exec(5), `EnvironmentFile=`).

    # a comment, as is a line that begins with ;
    GATE_PASSWORD=se cret        blanks around the value are no part of it; # and $ have no meaning in it
    YARD_PASSWORD="a \"b\" $c"     quotes, single or double, hold blanks and line breaks
    ROOF_URL=rtsp://h/very/\
    long                         a backslash at a line's end joins it with the next

No library reads this syntax: a shell's or a dotenv file's differ in quotes, comments and `$`.
"""

from __future__ import annotations

import re
from pathlib import Path

from streamseg.errors import ConfigError

_SPACE = " \t\r\n"
_COMMENT = re.compile(r"[#;](?:\\.|[^\\\r\n])*\\?", re.DOTALL)
_KEY = re.compile(r"[^=\r\n]*")
_SINGLE_QUOTED = re.compile(r"'([^']*)'?")
_DOUBLE_QUOTED = re.compile(r'"((?:\\.|[^"\\])*)\\?"?', re.DOTALL)
_BARE = re.compile(r"(?:\\.|[^\\\r\n])*", re.DOTALL)
_CHARACTER = re.compile(r"\\.|[^\\]", re.DOTALL)
_ESCAPED_IN_QUOTES = re.compile(r'\\([\\"`$\n])')
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of a file. As with systemd, a path that begins with `-` may be missing.

    Raises:
        ConfigError: It cannot be read, or is not UTF-8 text.
    """
    name = str(path)
    try:
        return parse_env_file(Path(name.removeprefix("-")).read_text(encoding="utf-8"))
    except FileNotFoundError:
        if name.startswith("-"):
            return {}
        raise ConfigError([f"{name}: there is no such file of environment variables"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{name}: is not UTF-8 text"]) from None
    except (OSError, ValueError) as error:  # ValueError: a name that holds a NUL
        raise ConfigError([f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}"]) from error


def parse_env_file(text: str) -> dict[str, str]:
    """The variables of a text; of two with one name the last. What has no valid name is left out."""
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        if text[position] in _SPACE:
            position += 1
        elif comment := _COMMENT.match(text, position):
            position = comment.end()
        else:
            position = _assignment(text, position, found)
    return found


def _assignment(text: str, start: int, found: dict[str, str]) -> int:
    """Take in the assignment at `start`; where it ends."""
    end = start + len(_key(text, start))
    if text[end : end + 1] != "=":
        return end
    value, after = _value(text, end + 1)
    name = text[start:end].rstrip(_SPACE)
    if _NAME.fullmatch(name):
        found[name] = value
    return after


def _key(text: str, start: int) -> str:
    match = _KEY.match(text, start)
    return match[0] if match else ""


def _value(text: str, position: int) -> tuple[str, int]:
    """Quoted parts, one after the other, and at last one without quotes, which ends with the line."""
    parts: list[str] = []
    while position < len(text) and text[position] not in "\r\n":
        if text[position] in " \t":
            position += 1
        elif quoted := _SINGLE_QUOTED.match(text, position):
            parts.append(quoted[1])
            position = quoted.end()
        elif quoted := _DOUBLE_QUOTED.match(text, position):
            parts.append(_ESCAPED_IN_QUOTES.sub(_unescaped, quoted[1]))
            position = quoted.end()
        else:
            bare = _BARE.match(text, position)
            parts.append(_without_escapes(bare[0] if bare else ""))
            position = max(bare.end() if bare else position, position + 1)
    return "".join(parts), position


def _without_escapes(bare: str) -> str:
    characters = _CHARACTER.findall(bare)
    while characters and characters[-1] in " \t":  # an escaped blank is one to keep
        characters.pop()
    return "".join(re.sub(r"^\\[\r\n]?", "", character) for character in characters)


def _unescaped(match: re.Match[str]) -> str:
    """A line's end that is escaped is none."""
    return match[1].strip("\n")
