"""The reference equals the code: its text, its defaults, and every key in it."""

from __future__ import annotations

import re

import pytest
import yaml

from streamseg.config import parse
from streamseg.config.metadata import reload_of
from streamseg.config.reference import WIDTH, reference
from streamseg.config.schema import Config, OutputConfig, RoiConfig, StreamDefaults
from tests.config.test_metadata import KEYS
from tests.conftest import ROOT

TEXT = reference()
_BLOCK = re.compile(r"^( *)(\w+): null\n(\1# \2:\n(?:\1#   .*\n)+)", re.MULTILINE)


def with_optional_sections(text: str) -> str:
    """The reference with `# roi:` and its like in effect."""

    def uncomment(found: re.Match[str]) -> str:
        indent, _, block = found.groups()
        return re.sub(f"^{indent}# ", indent, block, flags=re.MULTILINE)

    return _BLOCK.sub(uncomment, text)


@pytest.mark.tree
def test_the_shipped_one_is_up_to_date() -> None:
    shipped = (ROOT / "configs" / "reference.yaml").read_text(encoding="utf-8")
    assert shipped == TEXT, "run: streamseg config reference > configs/reference.yaml"


def test_it_is_the_defaults() -> None:
    config = parse(TEXT, "reference.yaml", {})
    url = config.streams["camera"].source.url
    assert config == Config.model_validate({"streams": {"camera": {"source": url}}})


def test_what_it_comments_out_is_valid_too() -> None:
    config = parse(with_optional_sections(TEXT), "reference.yaml", {})
    assert config.defaults == StreamDefaults(roi=RoiConfig(), output=OutputConfig(width=960, height=540))


def test_every_key_is_in_it() -> None:
    document = yaml.safe_load(with_optional_sections(TEXT))
    written = set(places(document))
    named = {"engines.": "engines.default.", "streams.": "streams.camera."}
    for key, field in KEYS.items():
        section = next((section for section in named if key.startswith(section)), "")
        place = named.get(section, "") + key.removeprefix(section)
        inherited = section == "streams." and key.split(".")[1] in StreamDefaults.model_fields
        assert place in written or inherited, field


def places(value: object, above: str = "") -> list[str]:
    if not isinstance(value, dict):
        return []
    keys = [f"{above}{key}" for key in value]
    return keys + [place for key, inner in value.items() for place in places(inner, f"{above}{key}.")]


def test_it_says_what_a_change_takes_and_fits_a_window() -> None:
    told = {str(reload_of(field)) for field in KEYS.values()} - {"None", "none"}
    assert all(re.search(rf"^#   {word} ", TEXT, re.MULTILINE) for word in told)
    assert max(map(len, TEXT.splitlines())) <= WIDTH
