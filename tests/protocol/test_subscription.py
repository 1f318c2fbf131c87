"""The viewer's side of a stream, held to the vectors that the TypeScript side is held to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_sio.protocol.messages import Batch, Gap, Reset, Subscribe, Subscribed
from jupyter_sio.protocol.subscription import (
    AskAgain,
    Begun,
    Missing,
    Outcome,
    Rows,
    Subscription,
)

VECTORS = sorted((Path(__file__).parents[1] / "vectors" / "subscription").glob("*.json"))


def hand_over(subscription: Subscription, message: str, args: list[Any]) -> list[Outcome]:
    """Do with one message what a viewer's connection does."""
    if message == "disconnect":
        subscription.disconnected()
        return []
    if message == "answer":
        return subscription.answered(Subscribed.parse(args[0]))
    if message == "$reset":
        return subscription.reset(Reset.parse(args))
    if message == "$gap":
        return subscription.gap(Gap.parse(args))
    return subscription.batch(Batch.parse([args[0], *(b"" for _ in args[1:])]))


def written(outcome: Outcome) -> dict[str, Any]:
    """Write an outcome as the vectors do."""
    if isinstance(outcome, Rows):
        rows = [outcome.start, outcome.end]
        return {
            "payload": outcome.payload,
            "rows": rows,
            "skip": outcome.skip,
            "fresh": outcome.fresh,
        }
    if isinstance(outcome, Missing):
        return {"gap": [outcome.start, outcome.end, outcome.why]}
    if isinstance(outcome, Begun):
        return {"reset": outcome.epoch, "recovered": outcome.recovered}
    assert isinstance(outcome, AskAgain)
    return {"subscribe": "again"}


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_every_step_of_a_vector_means_what_it_says(path: Path) -> None:
    vector = json.loads(path.read_text())
    subscription = Subscription(Subscribe.parse([vector["subscribe"]]))
    for number, step in enumerate(vector["steps"]):
        where = f"{vector['name']}: step {number}"
        if "send" in step:
            assert subscription.request().args() == [step["send"]], where
        else:
            message, *args = step["in"]
            outcomes = hand_over(subscription, message, args)
            assert list(map(written, outcomes)) == step["out"], where
        if "position" in step:
            position = subscription.position
            assert (position and list(position)) == step["position"], where


def test_there_are_vectors() -> None:
    assert len(VECTORS) >= 15


def test_answers_and_resets_each_begin_a_life_so_that_old_acks_are_known_as_old() -> None:
    subscription = Subscription(Subscribe("loss"))
    subscription.request()
    answer = Subscribed(3, "text", "every", "a" * 8, 0, 0, 0, recovered=False, waiting=False)
    subscription.answered(answer)
    subscription.reset(Reset(3, "loss", "text", "every", "b" * 8, 0, 0, 0, recovered=False))
    assert subscription.lives == 2


def test_a_refused_subscription_carries_the_servers_code() -> None:
    from jupyter_sio.errors import Refused

    with pytest.raises(Refused, match="not this one") as caught:
        Subscribed.parse({"ok": False, "code": 3505, "message": "not this one"})
    assert caught.value.code == 3505


def test_it_is_settled_once_every_row_came_that_there_was() -> None:
    subscription = Subscription(Subscribe("s"))
    subscription.request()
    told = {"ok": True, "id": 1, "media": "m", "mode": "every", "epoch": "e" * 8, "waiting": False}
    answer = {**told, "first": 0, "next": 2, "start": 0, "recovered": False}
    subscription.answered(Subscribed.parse(answer))
    settled = []
    for offset in (0, 1):
        settled.append(subscription.settled)
        subscription.batch(Batch(1, offset, 0, (1,), (b"",)))
    assert [*settled, subscription.settled] == [False, False, True]
