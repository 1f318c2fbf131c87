"""A namespace's life, row by row. Source: protocol.md §3, §5."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_sio.errors import Refused
from jupyter_sio.protocol.lifetime import TABLE, Event, Lifetime, State, Transition

WORDS = ("starting", "idle", "busy", "restarting", "autorestarting", "dead", "terminating", "?")


def life_after(*events: Event | str) -> Lifetime:
    """Live through events and Jupyter's words, one per ms from 1 on."""
    life = Lifetime(now_ms=0)
    for now_ms, event in enumerate(events, start=1):
        if isinstance(event, Event):
            life.on(event, now_ms=now_ms)
        else:
            life.set_kernel(event, now_ms=now_ms)
    return life


def told(*events: Event | str) -> tuple[str, str]:
    status = life_after(*events).status()
    return status.kernel, status.publisher


WAY_TO = {
    State.STARTING: (),
    State.WAITING: (Event.KERNEL_STARTED,),
    State.LIVE: (Event.KERNEL_STARTED, Event.CLAIMED),
    State.ORPHANED: (Event.KERNEL_STARTED, Event.CLAIMED, Event.PUBLISHER_LOST),
    State.CLOSED: (Event.KERNEL_STARTED, Event.CLAIMED, Event.KERNEL_ENDED),
    State.GONE: (Event.KERNEL_STARTED, Event.KERNEL_ENDED, Event.EXPIRED),
}


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_every_event_leads_where_the_table_says_or_changes_nothing(state: State, event: Event):
    life = life_after(*WAY_TO[state])
    assert life.state is state
    if event is Event.CLAIMED and life.ended:
        with pytest.raises(Refused):
            life.on(event, now_ms=9)
    elif (state, event) not in TABLE:
        assert life.on(event, now_ms=9) is None
    else:
        life.on(event, now_ms=9)
    assert life.state is TABLE.get((state, event), state)


def test_nothing_leads_out_of_gone():
    assert not any(state is State.GONE for state, _ in TABLE)


def test_a_new_namespace_is_starting_and_never_had_a_publisher():
    assert life_after().state is State.STARTING
    assert told() == ("starting", "never")


def test_a_started_kernel_waits_for_its_publisher():
    life = life_after()
    started = life.on(Event.KERNEL_STARTED, now_ms=5)
    assert started == Transition(State.STARTING, State.WAITING, status_changed=False)
    assert life.since == 0


def test_an_online_publisher_makes_starting_idle():
    assert told(Event.KERNEL_STARTED, Event.CLAIMED) == ("idle", "online")
    assert told(Event.KERNEL_STARTED, Event.CLAIMED, "starting") == ("idle", "online")


def test_a_kernel_may_claim_before_jupyter_calls_it_started():
    assert told(Event.CLAIMED, Event.KERNEL_STARTED) == ("idle", "online")


@pytest.mark.parametrize("word", ["idle", "busy", "restarting", "dead"])
def test_otherwise_the_kernel_is_what_jupyter_believes(word: str):
    assert told(Event.KERNEL_STARTED, word) == (word, "never")
    assert told(Event.KERNEL_STARTED, Event.CLAIMED, word) == (word, "online")


def test_words_that_say_nothing_leave_what_was_believed():
    assert told("busy", "terminating", "unknown", "") == ("busy", "never")
    assert told("autorestarting") == ("restarting", "never")


def test_a_lost_publisher_is_offline_and_the_kernel_stays_what_it_was():
    assert told(Event.CLAIMED, "busy", Event.PUBLISHER_LOST) == ("busy", "offline")


def test_a_publisher_that_comes_back_is_online():
    way = (Event.CLAIMED, Event.PUBLISHER_LOST, Event.CLAIMED)
    assert told(*way) == ("idle", "online")


def test_a_claim_that_supersedes_is_no_change_for_viewers():
    life = life_after(Event.CLAIMED)
    assert life.on(Event.CLAIMED, now_ms=9) is None
    assert life.since == 1


def test_a_restart_keeps_the_namespace_and_is_offline_until_a_new_claim():
    restarting = ("busy", Event.CLAIMED, Event.KERNEL_RESTARTING)
    assert told(*restarting) == ("restarting", "offline")
    assert told(*restarting, Event.PUBLISHER_LOST) == ("restarting", "offline")
    assert told(*restarting, Event.KERNEL_STARTED) == ("starting", "offline")
    assert told(*restarting, Event.CLAIMED) == ("idle", "online")


def test_a_restart_reported_after_its_new_claim_takes_nobody_offline():
    way = (Event.CLAIMED, Event.PUBLISHER_LOST, Event.CLAIMED, Event.KERNEL_STARTED)
    assert told(*way) == ("idle", "online")


@pytest.mark.parametrize(
    ("way", "publisher"),
    [
        ((), "never"),
        ((Event.KERNEL_STARTED, "busy"), "never"),
        ((Event.CLAIMED,), "offline"),
        ((Event.CLAIMED, Event.PUBLISHER_LOST), "offline"),
    ],
)
def test_an_ended_kernel_is_dead_and_its_namespace_stays(way: tuple, publisher: str):
    life = life_after(*way, Event.KERNEL_ENDED)
    assert life.state is State.CLOSED and life.ended
    assert (life.kernel, life.publisher) == ("dead", publisher)


def test_after_the_end_no_word_is_heard():
    assert told(Event.KERNEL_ENDED, "idle") == ("dead", "never")


def test_an_ended_namespace_expires_and_one_that_lives_does_not():
    assert life_after(Event.KERNEL_ENDED, Event.EXPIRED).state is State.GONE
    assert life_after(Event.CLAIMED, Event.EXPIRED).state is State.LIVE


@pytest.mark.parametrize("end", [(Event.KERNEL_ENDED,), (Event.KERNEL_ENDED, Event.EXPIRED)])
def test_a_claim_after_the_end_is_refused_with_3510(end: tuple[Event, ...]):
    with pytest.raises(Refused) as refused:
        life_after(*end).on(Event.CLAIMED, now_ms=9)
    assert refused.value.code == 3510


def test_a_kernel_that_comes_back_under_its_id_revives_the_namespace():
    way = (Event.CLAIMED, Event.KERNEL_ENDED)
    assert told(*way, Event.KERNEL_STARTED) == ("starting", "offline")
    assert told(*way, Event.KERNEL_RESTARTING) == ("restarting", "offline")
    assert life_after(*way, Event.KERNEL_STARTED, Event.EXPIRED).state is State.WAITING


EVENTS = st.lists(st.sampled_from([*Event, *WORDS]))


@given(EVENTS)
def test_since_is_when_kernel_or_publisher_last_changed(events: list[Event | str]):
    life, since = Lifetime(now_ms=0), 0
    for now_ms, event in enumerate(events, start=1):
        before = (life.kernel, life.publisher)
        if event is Event.CLAIMED and life.ended:
            continue
        act = life.on if isinstance(event, Event) else life.set_kernel
        transition = act(event, now_ms=now_ms)
        changed = before != (life.kernel, life.publisher)
        assert changed == (transition is not None and transition.status_changed)
        since = now_ms if changed else since
        assert life.since == since == life.status().since


@given(EVENTS)
def test_online_is_live_and_ended_is_dead(events: list[Event | str]):
    life = Lifetime(now_ms=0)
    for event in events:
        if event is Event.CLAIMED and life.ended:
            continue
        act = life.on if isinstance(event, Event) else life.set_kernel
        act(event, now_ms=1)
        assert (life.publisher == "online") == (life.state is State.LIVE)
        assert life.kernel == "dead" or not life.ended


@pytest.mark.parametrize(
    ("events", "started"),
    [
        ((Event.KERNEL_STARTED, Event.CLAIMED, Event.PUBLISHER_LOST, Event.CLAIMED), 0),
        ((Event.KERNEL_STARTED, Event.KERNEL_RESTARTING, Event.KERNEL_STARTED), 2),
        ((Event.KERNEL_STARTED, Event.KERNEL_ENDED), 0),
        ((Event.KERNEL_STARTED, Event.KERNEL_ENDED, Event.EXPIRED), 0),
        ((Event.KERNEL_STARTED, Event.KERNEL_ENDED, Event.KERNEL_STARTED), 3),
    ],
)
def test_a_process_starts_with_the_kernel_and_with_each_restart(events, started: int):
    assert life_after(*events).started == started
