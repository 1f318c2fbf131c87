"""Every reserved message is read and written as the vectors say."""

from __future__ import annotations

import base64
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_sio.errors import BadRequest, Refused
from jupyter_sio.protocol import messages
from jupyter_sio.protocol.messages import Grant

VECTORS = sorted((Path(__file__).parents[1] / "vectors" / "messages").glob("*.json"))
KINDS: dict[str, Any] = {
    kind.name: kind
    for _, kind in inspect.getmembers(messages, inspect.isclass)
    if isinstance(vars(kind).get("name"), str)
}


def with_bytes(value: Any) -> Any:
    """Put bytes where a vector says base64."""
    if isinstance(value, dict):
        if set(value) == {"base64"}:
            return base64.b64decode(value["base64"])
        return {key: with_bytes(item) for key, item in value.items()}
    return [with_bytes(item) for item in value] if isinstance(value, list) else value


def cases(what: str) -> list[Any]:
    """One parameter for each case of each message."""
    return [
        pytest.param(vector["message"], case, id=f"{vector['message']}-{number}")
        for vector in (json.loads(path.read_text()) for path in VECTORS)
        for number, case in enumerate(vector[what])
    ]


@pytest.mark.parametrize(("name", "case"), cases("accepted"))
def test_what_is_accepted_is_written_back_as_the_vector_says(name: str, case: Any) -> None:
    args = with_bytes(case["args"])
    message = KINDS[name].parse(args)
    assert message.args() == with_bytes(case.get("written", case["args"]))
    assert KINDS[name].parse(message.args()).args() == message.args()


@pytest.mark.parametrize(("name", "args"), cases("refused"))
def test_what_is_refused_is_refused_with_a_sentence(name: str, args: Any) -> None:
    with pytest.raises(BadRequest, match=r".{12,}"):
        KINDS[name].parse(with_bytes(args))


def test_every_message_has_vectors() -> None:
    assert {json.loads(path.read_text())["message"] for path in VECTORS} == set(KINDS)


@pytest.mark.parametrize("name", sorted(messages.RULES))
def test_a_reserved_message_is_only_its_senders_to_send(name: str) -> None:
    rule = messages.RULES[name]
    assert messages.rule_for(name, frozenset({rule.grant})) is rule
    with pytest.raises(BadRequest, match="not this client's to send"):
        messages.rule_for(name, frozenset(Grant) - {rule.grant})


@pytest.mark.parametrize("name", ["$batch", "$gap", "$reset", "$status", "$bye", "$event", "$x"])
def test_what_only_the_server_sends_is_nobodys_to_send(name: str) -> None:
    with pytest.raises(BadRequest):
        messages.rule_for(name, frozenset(Grant))


@pytest.mark.parametrize(
    ("auth", "name"),
    [(None, ""), ({}, ""), ({"protocol": 1}, ""), ({"name": "Ada"}, "Ada"), ({"name": None}, "")],
)
def test_connect_auth_gives_the_name(auth: Any, name: str) -> None:
    assert messages.read_connect_auth(auth) == (name, "script")


@pytest.mark.parametrize("kind", ["panel", "widget", "page", "script"])
def test_connect_auth_says_what_a_client_is(kind: str) -> None:
    assert messages.read_connect_auth({"name": "Ada", "kind": kind}) == ("Ada", kind)


@pytest.mark.parametrize("kind", ["link", "admin", "", 5, None, ["panel"], {}])
def test_a_kind_that_is_none_of_ours_is_a_scripts(kind: Any) -> None:
    assert messages.read_connect_auth({"kind": kind}).kind == "script"


@pytest.mark.parametrize(
    "auth",
    ["", [], {"protocol": 2}, {"protocol": True}, {"protocol": "1"}, {"protocol": None},
     {"name": 5}, {"name": "x" * 65}],
)  # fmt: skip
def test_connect_auth_that_is_not_ours_is_refused_with_3501(auth: Any) -> None:
    with pytest.raises(Refused) as caught:
        messages.read_connect_auth(auth)
    assert caught.value.code == 3501


def test_an_event_of_the_users_is_checked_by_bytes_not_by_characters() -> None:
    assert messages.check_event_name("ü" * 32) == "ü" * 32
    with pytest.raises(BadRequest, match="64 bytes; got 66"):
        messages.check_event_name("ü" * 33)
