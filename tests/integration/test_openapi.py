"""`openapi.yaml` is true: schemathesis plays every route of a running server against it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tornado.httpclient import AsyncHTTPClient

from jupyter_sio.server.rest import DESCRIPTION, ROUTES, NothingHandler
from tests.integration.conftest import Server, Stage
from tests.wire import fetch

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


ANSWERS = ("Error", "Ticket", "Link", "NewLink", "LinkViewer")
ANSWERS += ("Namespace", "NamespaceDetails", "Stream", "Viewer")


def strictly(schema: dict[str, Any]) -> dict[str, Any]:
    """Let an object have what is told of it and nothing more."""
    return {**schema, "unevaluatedProperties": False}


def strict_description(kernel_id: str) -> dict[str, Any]:
    """Read the file so that an answer with a field that it does not tell of is found.

    A setting's value can be told in words only, so it is told here; and which kernel there is,
    because nothing lies behind another id.
    """
    described: dict[str, Any] = yaml.safe_load(DESCRIPTION.read_text())
    parts = described["components"]
    schemas, kernel = parts["schemas"], {"enum": [kernel_id]}
    for name in ANSWERS:
        schemas[name] = strictly(schemas[name])
    parts["parameters"]["KernelId"]["schema"] = kernel
    asked = schemas["LinkRequest"]["properties"]
    asked["kernel_id"] = kernel
    for whole in ("pid", "time"):  # to a schema 1.0 is whole too; a claim is signed as written
        schemas["Claim"]["properties"][whole] = {"enum": [1, 308, 1_790_000_000]}
    asked["expires"] = {"enum": [1, 0.5, 86_400, "45s", "1.5m", "24h", "7d"]}
    return described


async def play(stage: Stage, place: Path, *options: str) -> None:
    """Let schemathesis ask all it can think of; fails with what it says."""
    assert SCHEMATHESIS.exists(), "type: pip install 'jupyter-sio[test]'"
    (place / "openapi.yaml").write_text(yaml.safe_dump(strict_description(stage.kernel_id)))
    process = await asyncio.create_subprocess_exec(
        *(str(SCHEMATHESIS), "run", "openapi.yaml", "--url", f"{stage.server.url}jupyter-sio/api"),
        *("--checks", "all", "--max-examples", "10", "--seed", "1", "--no-color", *options),
        *("--generation-codec", "ascii"),  # a name's bound is in bytes, a schema's in characters
        cwd=place,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


@pytest.mark.parametrize("who", ["a user", "nobody"])
async def test_every_answer_of_every_route_is_as_described(stage: Stage, tmp_path: Path, who: str):
    await stage.open()
    await stage.viewer()
    token = ("-H", f"Authorization: token {stage.server.token}") if who == "a user" else ()
    await play(stage, tmp_path, *token)


def test_every_route_is_described_and_nothing_else():
    described = yaml.safe_load(DESCRIPTION.read_text())["paths"]
    told = {
        (path, method.upper())
        for path, operations in described.items()
        for method in operations.keys() - {"parameters"}
    }
    parameters = {"namespaces": "{kernel_id}", "viewers": "{viewer}", "streams": "{stream}"}
    parameters["links"] = "{id}"
    there = set()
    for pattern, handler in ROUTES:
        path = pattern.removeprefix("/jupyter-sio/api").replace("\\", "")
        for parent, parameter in parameters.items():
            path = path.replace(f"/{parent}/([^/]+)", f"/{parent}/{parameter}")
        if handler is not NothingHandler:
            there |= {(path, method) for method in handler.methods() if method != "OPTIONS"}
    assert told == there


async def test_the_description_is_served_to_those_who_may_watch(server: Server):
    url = f"{server.url}jupyter-sio/api/openapi.yaml"
    assert (await fetch(url))[0] == 403
    answer = await AsyncHTTPClient().fetch(url, headers=server.headers)
    assert answer.headers["Content-Type"] == "application/yaml"
    assert answer.body == DESCRIPTION.read_bytes()
