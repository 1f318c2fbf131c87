"""The viewer's side of a namespace, driven by hand."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_sio import limits
from jupyter_sio.errors import BadRequest
from jupyter_sio.protocol import socketio
from jupyter_sio.protocol.messages import ARROW, NDJSON, Status, Subscribe
from jupyter_sio.viewer.items import Event, Gap, Reset
from jupyter_sio.viewer.watching import Delivery, Turn, Wanted, Watching

ROOM = "/kernels/k"
A, B = "a1b2c3d4e5f60718", "0f0e0d0c0b0a0908"
TIME = 1760000000000
DEAD = {"kernel": "dead", "publisher": "offline", "since": TIME}
BUSY = {"kernel": "busy", "publisher": "online", "since": TIME}


def event(name: str, *args: Any) -> socketio.Event:
    return socketio.Event(ROOM, name, list(args))


def answer(number: int = 0, **fields: Any) -> socketio.Answered:
    """The answer to the ``$subscribe`` asked ``number``-th on this connection."""
    whole = {"ok": True, "id": number, "media": NDJSON, "mode": "every", "epoch": A, "first": 0,
             "next": 0, "start": 0, "recovered": False, "waiting": False, **fields}  # fmt: skip
    return socketio.Answered(ROOM, number, [whole])


def batch(offset: int, *payloads: bytes, id: int = 0) -> socketio.Event:
    return event("$batch", [id, offset, TIME, *[1] * len(payloads)], *payloads)


def items(turn: Turn) -> list[Any]:
    return [delivery.item for delivery in turn.deliveries]


def sent(frames: list[socketio.Frame]) -> list[tuple[str, Any]]:
    """What frames say: (event, its first argument)."""
    decoder = socketio.Decoder()
    events = [decoder.receive(frame) for frame in frames if isinstance(frame, str)]
    return [(e.name, e.args[0]) for e in events if isinstance(e, socketio.Event)]


def joined(*streams: str, events: bool = False, window: int = 1000) -> Watching:
    """A viewer that has joined and asked for its streams."""
    watching = Watching(Wanted(streams, options=Subscribe("*", window=window), events=events))
    watching.connected(ROOM)
    watching.receive(socketio.Joined(ROOM, "s"))
    return watching


def test_joining_asks_for_every_stream_with_tail_mode_and_window() -> None:
    wanted = Wanted(("loss", "eval"), options=Subscribe("*", tail=5, mode="latest", window=9))
    watching = Watching(wanted)
    assert watching.connected(ROOM) == [f'40{ROOM},{{"protocol":1}}']
    turn = watching.receive(socketio.Joined(ROOM, "s"))
    options = {"tail": 5, "mode": "latest", "window": 9}
    assert sent(turn.frames) == [
        ("$subscribe", {"stream": "loss", **options}),
        ("$subscribe", {"stream": "eval", **options}),
    ]


def test_without_names_every_stream_that_is_listed_is_asked_for_once() -> None:
    watching = joined()
    first = watching.receive(event("$streams", [{"stream": "a"}]))
    second = watching.receive(event("$streams", [{"stream": "a"}, {"stream": "b"}]))
    assert [a["stream"] for _, a in sent(first.frames) + sent(second.frames)] == ["a", "b"]


def test_with_names_a_listing_changes_nothing() -> None:
    assert joined("loss").receive(event("$streams", [{"stream": "a"}])) == Turn()


def test_each_payload_is_a_batch_of_its_own() -> None:
    watching = joined("loss")
    watching.receive(answer(next=2))
    one, two = items(watching.receive(batch(0, b"1\n", b"2\n")))
    assert (one.stream, one.epoch, one.offset, one.rows, one.time) == ("loss", A, 0, 1, TIME)
    assert (one.value, two.value) == ([1], [2])
    assert (one.fresh, two.fresh, two.gap) == (True, False, 0)
    assert two.position == (A, 2)


def test_rows_told_missing_are_counted_in_the_next_batch_of_the_stream_only() -> None:
    watching = joined("loss", "eval")
    watching.receive(answer(0, next=9))
    watching.receive(answer(1, next=9))
    assert items(watching.receive(event("$gap", [0, 0, 4, "evicted"]))) == []
    watching.receive(event("$gap", [0, 4, 7, "conflated"]))
    assert [b.gap for b in items(watching.receive(batch(0, b"", id=1)))] == [0]
    assert [b.gap for b in items(watching.receive(batch(7, b"", b"")))] == [7, 0]


def test_whoever_wants_events_hears_gaps_resets_status_and_what_the_kernel_emits() -> None:
    watching = joined("loss", events=True)
    watching.receive(answer(next=2))
    reset = {"id": 0, "stream": "loss", "media": ARROW, "mode": "latest", "epoch": B, "first": 0,
             "next": 0, "start": 0, "recovered": False}  # fmt: skip
    heard = [
        *items(watching.receive(event("$status", BUSY))),
        *items(watching.receive(event("$gap", [0, 0, 2, "reset"]))),
        *items(watching.receive(event("$reset", reset))),
        *items(watching.receive(event("note", 1, {"two": 2}))),
        *items(watching.receive(event("$later", 1))),
    ]
    assert heard == [
        Status("busy", "online", TIME),
        Gap("loss", A, 0, 2, "reset"),
        Reset("loss", B, ARROW, "latest", False),
        Event("note", (1, {"two": 2})),
    ]
    assert heard[1].rows == 2


def test_a_reconnect_asks_from_where_it_broke_off() -> None:
    watching = joined("loss")
    watching.receive(answer(next=2))
    watching.receive(batch(0, b"1", b"2"))
    watching.connected(ROOM)
    turn = watching.receive(socketio.Joined(ROOM, "s2"))
    assert sent(turn.frames) == [
        ("$subscribe", {"stream": "loss", "since": [A, 2], "window": 1000})
    ]


def test_rows_that_jump_are_asked_for_again_on_the_same_connection() -> None:
    watching = joined("loss")
    watching.receive(answer())
    turn = watching.receive(batch(5, b"6"))
    assert items(turn) == []
    assert ("$subscribe", {"stream": "loss", "since": [A, 0], "window": 1000}) in sent(turn.frames)
    assert [b.offset for b in items(watching.receive(answer(1, id=0, next=6)))] == []
    assert [b.offset for b in items(watching.receive(batch(0, b"1")))] == [0]


# --- acknowledging ---------------------------------------------------------------------------


def test_nothing_is_acknowledged_before_the_user_has_it() -> None:
    watching = joined("loss")
    watching.receive(answer(next=2))
    turn = watching.receive(batch(0, b"1", b"2"))
    assert sent(turn.frames) == []
    one, two = turn.deliveries
    assert watching.taken(one) == []  # little, and there is more to come
    assert sent(watching.taken(two)) == [("$ack", [0, 2])]


def test_a_quarter_of_the_window_is_acknowledged_even_if_more_waits() -> None:
    watching = joined("loss")
    watching.receive(answer(next=3))
    size = limits.Viewing.window_bytes // 4
    one, _two, _three = watching.receive(batch(0, bytes(size), b"2", b"3")).deliveries
    assert sent(watching.taken(one)) == [("$ack", [0, 1])]


def test_a_batch_that_is_dropped_whole_is_acknowledged_at_once() -> None:
    watching = joined("loss")
    watching.receive(answer(start=5, first=0, next=5))
    assert sent(watching.receive(batch(3, b"4", b"5")).frames) == [("$ack", [0, 5])]


def test_rows_of_an_old_epoch_are_not_acknowledged_as_if_they_were_of_the_new_one() -> None:
    watching = joined("loss")
    watching.receive(answer(next=1000))
    old = watching.receive(batch(0, bytes(limits.Viewing.window_bytes))).deliveries
    reset = {"id": 0, "stream": "loss", "media": NDJSON, "mode": "every", "epoch": B, "first": 0,
             "next": 9, "start": 0, "recovered": False}  # fmt: skip
    watching.receive(event("$reset", reset))
    new = watching.receive(batch(0, b"1")).deliveries
    assert watching.taken(old[0]) == []
    assert sent(watching.taken(new[0])) == [("$ack", [0, 1])]


def test_what_has_no_rows_needs_no_acknowledgement() -> None:
    assert joined("loss").taken(Delivery(Event("note", ()))) == []


# --- the end ---------------------------------------------------------------------------------


def test_bye_ends_with_what_it_says() -> None:
    turn = joined("loss").receive(event("$bye", {"code": 3001, "reason": "r", "retry_ms": 70}))
    assert turn.end is not None
    assert (turn.end.code, turn.end.reason, turn.end.retry_ms) == (3001, "r", 70)
    assert not turn.end.finished


def test_a_kernel_that_ends_is_the_end_only_with_its_bye() -> None:
    watching = joined("loss")
    watching.receive(event("$status", BUSY))
    watching.receive(event("$streams", []))
    watching.receive(answer(next=0))
    assert watching.receive(event("$status", DEAD)).end is None
    turn = watching.receive(event("$bye", {"code": 3510, "reason": "", "retry_ms": None}))
    assert turn.end is not None and turn.end.finished


def test_who_comes_after_the_kernels_end_is_done_when_all_that_is_left_is_there() -> None:
    watching = joined("loss", "never")
    for message in (event("$status", DEAD), event("$streams", []), answer(0, next=2)):
        assert watching.receive(message).end is None
    waiting = answer(1, id=1, epoch=None, media=None, mode=None, waiting=True)
    assert watching.receive(waiting).end is None
    assert watching.receive(batch(0, b"1")).end is None
    turn = watching.receive(batch(1, b"2"))
    assert turn.end is not None and turn.end.finished
    assert len(turn.deliveries) == 1


def test_without_names_nothing_ends_before_the_streams_were_listed() -> None:
    watching = joined()
    assert watching.receive(event("$status", DEAD)).end is None
    turn = watching.receive(event("$streams", [{"stream": "a"}]))
    assert turn.end is None
    turn = watching.receive(answer(next=0))
    assert turn.end is not None and turn.end.finished


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (socketio.JoinRefused(ROOM, "no such namespace", {"code": 3507}), 3507),
        (socketio.JoinRefused(ROOM, "Unable to connect", {}), 3507),
        (socketio.JoinRefused(ROOM, "internal error", {"code": 3004}), 3004),
        (socketio.Left(ROOM), 3001),
        (socketio.Closed(), 3001),
        (socketio.Answered(ROOM, 0, [{"ok": False, "code": 3505, "message": "too many"}]), 3505),
    ],
)
def test_every_way_to_be_sent_off_has_its_code(message: Any, code: int) -> None:
    turn = joined("loss").receive(message)
    assert turn.end is not None and turn.end.code == code


def test_pings_are_answered_and_other_namespaces_ignored() -> None:
    watching = joined("loss")
    assert watching.receive(socketio.Pinged()).frames == [socketio.PONG]
    elsewhere = socketio.Event("/other", "$bye", [{"code": 3500}])
    assert watching.receive(elsewhere) == Turn()


@pytest.mark.parametrize(
    "message",
    [
        batch(0, b"1", id=77),
        event("$batch", [0, 0]),
        event("$gap"),
        event("$reset", {}),
        event("$status"),
        event("$streams", [5]),
        socketio.Answered(ROOM, 0, []),
    ],
)
def test_what_breaks_the_protocol_is_refused(message: Any) -> None:
    watching = joined(*(["loss"] if isinstance(message, socketio.Answered) else []))
    with pytest.raises(BadRequest):
        watching.receive(message)
