"""docs/reference.md names everything one can type, and nothing that is not there."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

import jupyter_sio
from jupyter_sio import cli
from jupyter_sio.server.app import JupyterSio

REFERENCE = (Path(__file__).parents[1] / "docs" / "reference.md").read_text()
WORDS = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", REFERENCE))))
OURS = JupyterSio.class_traits(config=True)
INHERITED = {name for base in JupyterSio.__bases__[1:] for name in base.class_traits(config=True)}


def commands() -> set[str]:
    (action,) = (
        action
        for action in cli._parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return set(action.choices)


@pytest.mark.parametrize("name", sorted(jupyter_sio.__all__))
def test_every_public_name_is_told_of(name):
    assert name in WORDS


@pytest.mark.parametrize("name", sorted(set(OURS) - INHERITED))
def test_every_setting_is_told_of(name):
    assert name in WORDS


def test_every_setting_told_of_exists():
    table = REFERENCE.partition("## Server settings")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert told == set(OURS) - INHERITED


def test_the_commands_told_of_are_those_there_are():
    told = set(re.findall(r"^\| `jupyter sio (\w+)", REFERENCE, re.MULTILINE))
    assert told == commands()
