"""The option of the programs that names a model package, and its former names."""

from __future__ import annotations

import argparse

import pytest

from examples.model_option import MODEL, add_model_option
from streamseg.config.deprecated import renamed


def parsed(former: str, *arguments: str) -> str:
    parser = argparse.ArgumentParser(prog="demo")
    add_model_option(parser, former)
    found = vars(parser.parse_args(arguments))
    assert set(found) == {"model"}
    return str(found["model"])


@pytest.mark.parametrize("former", ["--engine", "--package"])
def test_the_former_name_means_the_same_and_is_told(former: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert parsed(former) == MODEL
    assert parsed(former, "--model", "mine") == "mine"
    assert capsys.readouterr() == ("", "")
    assert parsed(former, former, "mine") == "mine"
    assert capsys.readouterr() == ("", f"demo: {renamed(former, '--model')}\n")


def test_the_former_name_is_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("--engine", "--help")
    told = capsys.readouterr().out
    assert "--model" in told
    assert "engine" not in told
