"""Claims, nonces and tickets, with the clock in the test's hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_sio.errors import BadRequest, Refused
from jupyter_sio.limits import Doors
from jupyter_sio.protocol.grants import Access, Claim, Nonces, Tickets
from jupyter_sio.protocol.messages import Grant

KEY = b"the connection key"
CLAIM = Claim("k1", "00000000000000e1", 4711, 1_700_000_000, "0123456789abcdef")
WATCHER = Access(user="ada", grants=frozenset({Grant.WATCH}))


def test_the_signed_bytes_are_those_of_the_contract():
    assert CLAIM.canonical() == (
        b"jupyter-sio/claim/1\nk1\n00000000000000e1\n4711\n1700000000\n0123456789abcdef"
    )


def test_a_claim_is_proven_by_its_own_key_alone():
    signed = CLAIM.sign(KEY)
    assert signed.proven_by(KEY)
    assert not signed.proven_by(b"another key")


@pytest.mark.parametrize(
    "changed",
    [
        {"kernel_id": "k2"},
        {"epoch": "00000000000000e2"},
        {"pid": 1},
        {"time": 1},
        {"nonce": "f" * 16},
    ],
)
def test_a_claim_with_anything_changed_is_not_proven(changed):
    assert not replace(CLAIM.sign(KEY), **changed).proven_by(KEY)


def test_a_claim_survives_the_way_through_a_body():
    assert Claim.parse(CLAIM.sign(KEY).body()) == CLAIM.sign(KEY)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pid", "4711"),
        ("pid", True),
        ("time", 1.5),
        ("nonce", "short"),
        ("nonce", "0123456789abcdeg"),
        ("nonce", "f" * 65),
        ("epoch", "ffff"),
        ("epoch", "٣" * 16),
        ("kernel_id", None),
        ("proof", "ü" * 64),
    ],
)
def test_a_claim_of_another_form_is_a_bad_request(field, value):
    with pytest.raises(BadRequest, match=field):
        Claim.parse({**CLAIM.sign(KEY).body(), field: value})


@pytest.mark.parametrize("spoil", [lambda p: p[:-1], lambda p: p + "0", str.upper, lambda p: ""])
def test_a_proof_is_compared_as_a_whole(spoil):
    signed = CLAIM.sign(KEY)
    assert signed.proven_by(KEY)
    assert not replace(signed, proof=spoil(signed.proof)).proven_by(KEY)


def test_a_proof_is_in_no_repr():
    signed = CLAIM.sign(KEY)
    assert signed.proof not in repr(signed)


def test_a_nonce_is_used_once():
    nonces = Nonces(Doors())
    assert nonces.use("a", now=0.0)
    assert not nonces.use("a", now=100.0)


def test_a_nonce_is_forgotten_only_when_no_claim_with_it_could_be_timely():
    nonces = Nonces(Doors(claim_skew_seconds=60))
    nonces.use("a", now=0.0)
    nonces.use("b", now=121.0)
    assert len(nonces) == 1


def test_nonces_are_bounded():
    nonces = Nonces(Doors(nonces=3))
    for name in "abcde":
        nonces.use(name, now=0.0)
    assert len(nonces) == 3 and nonces.dropped == 2


def test_a_ticket_opens_once():
    tickets = Tickets(Doors())
    tickets.give("secret", WATCHER, now=0.0)
    assert tickets.use("secret", now=1.0) is WATCHER
    with pytest.raises(Refused):
        tickets.use("secret", now=1.0)


def test_a_ticket_dies_of_age_and_is_consumed_all_the_same():
    tickets = Tickets(Doors(ticket_seconds=30))
    tickets.give("secret", WATCHER, now=0.0)
    with pytest.raises(Refused):
        tickets.use("secret", now=30.0)
    assert len(tickets) == 0


def test_open_tickets_are_bounded_and_the_loss_is_counted():
    tickets = Tickets(Doors(tickets=2))
    for secret in "abc":
        tickets.give(secret, WATCHER, now=0.0)
    assert len(tickets) == 2
    assert tickets.dropped == 1
    with pytest.raises(Refused):
        tickets.use("a", now=0.0)
    tickets.give("d", WATCHER, now=31.0)  # what died of age is no loss
    assert (len(tickets), tickets.dropped) == (1, 1)


def test_a_link_sees_its_globs_and_sends_its_events_alone():
    link = replace(WATCHER, streams=("loss*", "rate"), events=("stop",))
    assert link.sees_stream("loss/train") and link.sees_stream("rate")
    for hidden in ("accuracy", "Loss", "my loss", "rate2", ""):
        assert not link.sees_stream(hidden)
    assert link.may_send("stop")
    assert not link.may_send("start")


def test_without_send_no_event_goes_to_the_kernel():
    assert not WATCHER.may_send("stop")
    assert replace(WATCHER, grants=frozenset({Grant.WATCH, Grant.SEND})).may_send("stop")
