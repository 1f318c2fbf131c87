"""`jupyter sio share`, `links` and `revoke`, against a real server."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, NamedTuple

import pytest

from jupyter_sio.cli import main
from tests.integration.conftest import Server, Stage
from tests.wire import Wire, fetch


class Done(NamedTuple):
    code: int
    out: str
    err: str


class Terminal:
    """Types commands while the server runs in this thread's loop."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    async def type(self, *command: str) -> Done:
        self._capsys.readouterr()
        code = await asyncio.to_thread(main, command)
        return Done(code, *self._capsys.readouterr())

    async def url(self, *command: str) -> str:
        """Share, and get the URL."""
        done = await self.type("share", *command)
        assert done.code == 0, done.err
        return done.out.strip()

    async def links(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = json.loads((await self.type("links", "--json")).out)
        return listed


@pytest.fixture
def running(server: Server, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """List the servers that run here: the one under test, and whatever a test adds."""
    servers = [{"url": server.url, "token": server.token}]
    monkeypatch.delenv("JUPYTER_TOKEN", raising=False)
    monkeypatch.setattr("jupyter_server.serverapp.list_running_servers", lambda: servers)
    return servers


@pytest.fixture
def terminal(running: Any, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


async def come(stage: Stage, url: str) -> tuple[int, Wire | None]:
    """Come by a link; returns the status, and the socket if there is one."""
    base, _, secret = url.partition("jupyter-sio/live/#")
    api = f"{base}jupyter-sio/api/tickets"
    status, answer = await fetch(api, method="POST", body={"link": secret})
    if status != 200:
        return status, None
    wire = stage.keep(await Wire.open(stage.server.socket_url, ticket=answer["ticket"]))
    await wire.join(stage.ns, {"protocol": 1, "name": "bob"})
    return status, wire


# --- share -----------------------------------------------------------------------------------


async def test_share_prints_the_url_alone_and_it_opens_what_was_named(
    stage: Stage, terminal: Terminal
):
    await stage.open("loss")
    done = await terminal.type("share", stage.kernel_id[:8], "loss", "grad/*", "--send", "stop")
    assert re.fullmatch(rf"{re.escape(stage.server.url)}jupyter-sio/live/#[\w-]{{43}}\n", done.out)
    assert "shows loss, grad/*, and may send stop; good for 24 hours, until 20" in done.err
    _, wire = await come(stage, done.out.strip())
    assert wire is not None
    assert (await stage.subscribe(wire, "loss"))["ok"]
    assert (await stage.subscribe(wire, "grad/1"))["ok"]
    assert (await stage.subscribe(wire, "other"))["code"] == 3507
    assert (await wire.ask(stage.ns, "go"))["code"] == 3507


@pytest.mark.parametrize(
    ("given", "told", "seconds"),
    [("7d", "7 days", 604_800), ("90m", "90 minutes", 5_400), ("1.5", "1.5 seconds", 1.5)],
)
async def test_share_says_how_long_the_link_is_good(
    stage: Stage, terminal: Terminal, given: str, told: str, seconds: float
):
    done = await terminal.type("share", stage.kernel_id, "--expires", given, "--json")
    assert f"shows every stream; good for {told}, until 20" in done.err
    link = json.loads(done.out)
    assert link["expires"] - link["created"] == seconds * 1000


@pytest.mark.parametrize(
    "words",
    ["{} loss grad --expires 1h", "{} --expires 1h loss grad", "--expires 1h {} loss --json grad"],
)
async def test_options_may_stand_anywhere(stage: Stage, terminal: Terminal, words: str):
    await terminal.url(*words.format(stage.kernel_id).split())
    (link,) = await terminal.links()
    assert link["streams"] == ["loss", "grad"]
    assert link["expires"] - link["created"] == 3_600_000


async def test_share_tells_what_may_surprise(stage: Stage, terminal: Terminal):
    await stage.open("loss")
    done = await terminal.type("share", stage.kernel_id, "los", "grad/*")
    assert "there is no stream 'los' yet" in done.err and "grad/*' yet" not in done.err
    assert "works on this machine only; set c.JupyterSio.public_url" in done.err
    (link,) = await terminal.links()
    assert f"jupyter sio revoke {link['id']}" in done.err


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["share", "nothing"], 4, "no kernel 'nothing'; there are: "),
        (["share", "{kernel}", "--expires", "soon"], 2, "expires is seconds above 0"),
        (["share", "{kernel}", "--expires", "-1"], 2, "usage: "),
        (["share", "{kernel}", "--expires", "400d"], 1, "link_max_lifetime"),
        (["share", "{kernel}", "--send", "$publish"], 1, "'$publish' is a reserved name"),
        (["share"], 2, "the following arguments are required: kernel\n"),
        (["share", "{kernel}", "--token", "wrong"], 3, "HTTP 403"),
        (["revoke", "none"], 4, "no link none; there are: none"),
    ],
)
async def test_what_cannot_be_is_told_with_its_exit_code(
    stage: Stage, terminal: Terminal, command: list[str], code: int, said: str
):
    command = [word.replace("{kernel}", stage.kernel_id) for word in command]
    try:
        done = await terminal.type(*command)
    except SystemExit as ended:  # argparse
        done = Done(int(str(ended.code)), *terminal._capsys.readouterr())
    assert done.code == code and said in done.err and not done.out
    assert not await terminal.links()


@pytest.fixture
def closed(jp_server_config: dict[str, Any]) -> None:
    jp_server_config["JupyterSio"] = {"allow_links": False}


async def test_where_links_are_off_share_says_who_turns_them_on(
    closed: None, stage: Stage, terminal: Terminal
):
    done = await terminal.type("share", stage.kernel_id)
    assert (done.code, done.out) == (3, "")
    assert "links are off on this server" in done.err and "allow_links = True" in done.err


# --- links -----------------------------------------------------------------------------------


async def test_links_lists_them_with_who_watches_and_no_secret(stage: Stage, terminal: Terminal):
    url = await terminal.url(stage.kernel_id, "loss", "--label", "for\x1b[2J Bob")
    await come(stage, url)
    await terminal.url(stage.kernel_id, "--send", "stop")
    done = await terminal.type("links")
    headings, first, second = done.out.splitlines()
    assert headings.split("  ")[0] == "ID" and headings.endswith("WATCHING")
    assert stage.kernel_id[:8] in first and "for\N{REPLACEMENT CHARACTER}[2J Bob" in first
    assert first.endswith("1     1 (bob)") and re.search(r"all +stop +- +20.* 0 +0$", second)
    assert url.rpartition("#")[2] not in done.out + json.dumps(await terminal.links())


async def test_links_of_every_server_are_listed_and_a_silent_one_is_named(
    stage: Stage, terminal: Terminal, running: list[dict[str, str]]
):
    running.append({"url": "http://127.0.0.1:9/", "token": ""})
    await terminal.url(stage.kernel_id)
    done = await terminal.type("links", "--json")
    assert done.code == 0 and "http://127.0.0.1:9/" in done.err
    assert [link["server"] for link in json.loads(done.out)] == [stage.server.url]


# --- revoke ----------------------------------------------------------------------------------


async def test_revoke_ends_a_link_and_shows_out_who_came_by_it(stage: Stage, terminal: Terminal):
    url = await terminal.url(stage.kernel_id)
    _, wire = await come(stage, url)
    assert wire is not None
    (link,) = await terminal.links()
    done = await terminal.type("revoke", link["id"][:6])
    assert done == (0, f"{link['id']} revoked; 1 watched by it\n", "")
    assert (await wire.first("$bye"))[0]["code"] == 3512
    assert (await come(stage, url))[0] == 403
    assert await terminal.links() == []


async def test_revoke_takes_back_what_there_is_and_names_what_is_not(
    stage: Stage, terminal: Terminal
):
    for _ in range(2):
        await terminal.url(stage.kernel_id)
    one, other = await terminal.links()
    done = await terminal.type("revoke", one["id"], "none", other["id"])
    assert done.code == 4 and "no link none" in done.err
    assert done.out == f"{one['id']} revoked\n{other['id']} revoked\n"
    assert await terminal.links() == []


async def test_an_id_that_may_be_several_is_not_guessed(stage: Stage, terminal: Terminal):
    for _ in range(17):  # one more than there are first letters
        await terminal.url(stage.kernel_id)
    ids = [link["id"][0] for link in await terminal.links()]
    several = next(letter for letter in ids if ids.count(letter) > 1)
    done = await terminal.type("revoke", several)
    assert done.code == 2 and "give more of the id" in done.err
    assert len(await terminal.links()) == 17
