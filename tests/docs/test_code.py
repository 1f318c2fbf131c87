"""What the documentation tells to type: it can be read, and names what there is.

What belongs into a notebook is run by ``tests/integration/test_how_to.py``.
"""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
from jupyter_server.serverapp import ServerApp
from jupyterhub.app import JupyterHub
from jupyterhub.spawner import Spawner
from traitlets.config import Config

from docs.parts import written
from jupyter_sio import cli
from jupyter_sio.server.app import JupyterSio
from jupyter_sio.server.hub import JupyterSioHubAuthorizer
from tests.docs.blocks import REPOSITORY, Block, blocks, own_pages

ALL = [block for page in own_pages() for block in blocks(page)]
SETTINGS = sorted({block.page for block in ALL if "\nc." in f"\n{block.code}"})
TEXTS = {page: page.read_text() for page in own_pages()}
COMMANDS = sorted(
    {line for text in TEXTS.values() for line in re.findall(r"^ *\$ jupyter sio (.+)$", text, re.M)}
)
CLASSES = {
    each.__name__: each
    for each in (JupyterHub, JupyterSio, JupyterSioHubAuthorizer, ServerApp, Spawner)
}


@pytest.mark.parametrize("block", ALL, ids=str)
def test_python_can_be_read(block: Block):
    ast.parse(block.code)


@pytest.mark.parametrize("page", SETTINGS, ids=lambda page: page.stem)
def test_settings_told_of_exist(page: Path):
    c = Config()
    for block in blocks(page):
        if block.code.lstrip("# \n").startswith(("c.", "jupyter_server_config.py")):
            exec(block.code, {"c": c})
    told = [(name, trait) for name, section in c.items() for trait in section]
    assert told
    assert [(n, t) for n, t in told if t not in CLASSES[n].class_traits(config=True)] == []


def test_the_pages_that_set_something_are_found():
    found = {page.relative_to(REPOSITORY).as_posix() for page in SETTINGS}
    assert {"docs/jupyterhub.md", "docs/how-to/proxy.md"} <= found


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_told_of_are_understood(command: str):
    words = shlex.split(command.partition(" > ")[0])
    assert cli._parser().parse_args(words).run


def test_metrics_told_of_exist():
    told = {name for text in TEXTS.values() for name in re.findall(r"`(jupyter_sio_\w+)`", text)}
    assert len(told) > 20 and told <= set(re.findall(r"`(\w+)`", written.metrics_page()))
