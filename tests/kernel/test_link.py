"""The link through faults: cuts, half-open sockets, lost acknowledgements, another server, TLS."""

from __future__ import annotations

import random
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jupyter_sio import limits
from jupyter_sio.kernel import connection
from jupyter_sio.kernel import publisher as publisher_module
from jupyter_sio.kernel.discovery import Server
from jupyter_sio.kernel.publisher import Publisher
from tests.kernel.conftest import QUICK
from tests.kernel.peer import BASE, KERNEL, Held, Peer, peer, table


def accounted(held: Held, end: int) -> None:
    """Every row below ``end`` came once and in order, or lies in a gap."""
    runs = sorted(
        [(o, o + n, "rows") for o, n, _ in held.payloads] + [(*g, "gap") for g in held.gaps]
    )
    at = held.first
    for start, stop, _ in runs:
        assert start == at
        at = stop
    assert at == end
    for offset, rows, payload in held.payloads:
        found = table(payload)["step"].to_numpy()
        assert (found == np.arange(offset, offset + rows)).all()


# --- cuts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("reset", [False, True])
def test_after_a_cut_the_link_resumes_where_the_server_stands(publisher, server, reset):
    loss = publisher.stream("loss")
    epoch = loss.epoch
    for step in range(100):
        loss.push(step=step)
        if step % 25 == 24:
            server.cut(reset=reset)
    server.until(lambda: publisher.online)
    assert loss.flush()
    held = server.streams["loss"]
    assert (held.epoch, held.gaps) == (epoch, [])
    accounted(held, 100)
    assert publisher.statistics().reconnects >= 1


def test_every_connect_takes_a_new_ticket_and_a_new_nonce(publisher, server):
    server.cut()
    server.until(lambda: server.joins == 2)
    first, second = server.claims
    assert first.nonce != second.nonce
    assert (first.epoch, first.pid) == (second.epoch, second.pid)


def test_what_was_not_acknowledged_is_sent_again_and_nothing_twice(publisher, server):
    server.acknowledging = False
    loss = publisher.stream("loss")
    for step in range(50):
        loss.push(step=step)
        loss.seal()
    publisher.hurry()
    server.until(lambda: server.streams["loss"].next == 50)
    assert loss.statistics().in_flight == 50
    server.cut()
    assert loss.flush()
    assert (server.streams["loss"].duplicates, server.streams["loss"].next) == (0, 50)


def test_a_server_that_forgot_all_is_given_what_is_left(publisher, server):
    loss = publisher.stream("loss")
    for step in range(10):
        loss.push(step=step)
    assert loss.flush()
    server.forget()
    server.cut()
    loss.push(step=10)
    assert loss.flush()
    held = server.streams["loss"]
    assert (held.first, held.next, held.rows) == (10, 11, [{"step": 10}])


def test_a_server_that_holds_other_rows_is_sent_another_epoch(publisher, server, caplog):
    loss = publisher.stream("loss")
    loss.push(step=0)
    assert loss.flush()
    epoch = loss.epoch
    server.streams["loss"].next = 99
    server.cut()
    server.until(lambda: "begins anew" in caplog.text)
    loss.push(step=0)
    assert loss.flush()
    assert loss.epoch != epoch
    accounted(server.streams["loss"], 1)


def test_rows_pushed_while_the_server_is_away_are_kept(publisher, server):
    loss = publisher.stream("loss")
    server.ticket_status = 503
    server.cut()
    for step in range(20_000):
        loss.push(step=step)
    server.ticket_status = 200
    assert loss.flush()
    accounted(server.streams["loss"], 20_000)
    assert loss.statistics().dropped == 0


def test_what_does_not_fit_meanwhile_is_told_as_a_gap(publisher, server):
    loss = publisher.stream("loss")
    loss.push(step=0)
    assert loss.flush()
    loss._outbox._bounds = replace(limits.Outbox(), bytes=1 << 20)
    server.ticket_status = 503
    server.cut()
    server.until(lambda: not publisher.online)
    for step in range(1, 200_000):
        loss.push(step=step)
    server.ticket_status = 200
    server.until(lambda: publisher.online)
    loss.flush()
    held = server.streams["loss"]
    ((start, end),) = held.gaps
    accounted(held, 200_000)
    assert loss.statistics().dropped == end - start


def test_an_event_emitted_while_the_server_is_away_follows_its_rows(publisher, server):
    loss = publisher.stream("loss")
    server.ticket_status = 503
    server.cut()
    server.until(lambda: not publisher.online)
    loss.push(step=0)
    publisher.emit("done")
    server.ticket_status = 200
    server.until(lambda: server.of("$emit"))
    assert [name for name, _ in server.heard if name in ("$publish", "$emit")][-2:] == [
        "$publish",
        "$emit",
    ]


def test_a_closed_stream_ends_also_after_a_cut(publisher, server):
    loss = publisher.stream("loss")
    server.ticket_status = 503
    server.cut()
    server.until(lambda: not publisher.online)
    loss.push(step=0)
    loss.close()
    server.ticket_status = 200
    server.until(lambda: server.streams["loss"].ended)
    accounted(server.streams["loss"], 1)


# --- goodbyes and silences -------------------------------------------------------------------


def test_a_server_that_shuts_down_says_when_to_come_back(publisher, server):
    server.send("$bye", {"code": 3001, "reason": "shutting down", "retry_ms": 200})
    began = time.monotonic()
    server.until(lambda: server.joins == 2)
    assert 0.15 < time.monotonic() - began < 3


def test_a_half_open_connection_is_noticed_and_replaced(in_kernel: Peer):
    in_kernel.ping = (0.1, 0.2)
    publisher = Publisher(QUICK).connect(required=True)
    in_kernel.line.frozen = True
    loss = publisher.stream("loss")
    loss.push(step=0)
    in_kernel.until(lambda: in_kernel.joins >= 2, seconds=3)
    in_kernel.ping = (25.0, 20.0)
    assert loss.flush()
    accounted(in_kernel.streams["loss"], 1)
    publisher.close()


def test_pings_are_answered(publisher, server):
    answers = []
    server.line.take = answers.append
    server.line.decoder.receive = lambda frame: frame
    server.line.raw("2")
    server.until(lambda: answers == ["3"])


def test_a_server_that_does_not_let_us_join_for_now_is_asked_again(in_kernel: Peer):
    publisher = Publisher(QUICK)
    in_kernel.refuse_join = (3004, "internal error")
    with pytest.warns(RuntimeWarning, match="internal error"):
        publisher.connect(timeout=0.3)
    assert publisher.sending
    in_kernel.refuse_join = None
    in_kernel.until(lambda: publisher.online)
    publisher.close()


@pytest.mark.parametrize("frame", ["4x", "9", "42/nothing", b"\x00", "44{"])
def test_a_frame_that_is_none_ends_the_connection_not_the_link(publisher, server, frame):
    server.line.raw(frame)
    server.until(lambda: server.joins == 2)
    assert publisher.statistics().crashes == 0


def test_a_server_that_does_not_read_holds_up_no_push(publisher, server):
    server.line.frozen = True
    frames = publisher.stream("frames", media="application/octet-stream")
    longest = 0.0
    for _ in range(200):
        began = time.monotonic()
        frames.push(bytes(200_000))
        longest = max(longest, time.monotonic() - began)
    assert longest < 0.2
    found = frames.statistics()
    assert found.in_flight * 200_000 <= limits.Outbox.bytes
    assert found.dropped == 200 - found.in_flight
    server.line.frozen = False
    assert server.until(lambda: server.streams["frames"].next == 200)


def test_what_the_os_does_not_take_is_kept_and_no_more_than_that(publisher, server):
    server.line.frozen = True
    frames = publisher.stream("frames", media="application/octet-stream")
    for _ in range(40):
        frames.push(bytes(100_000))
    assert publisher._link._connection.backlog < limits.Link.backlog_bytes + 110_000
    server.line.frozen = False
    assert frames.flush()


def test_a_message_cut_by_an_exception_costs_the_connection_and_no_row(publisher, server):
    loss = publisher.stream("loss")
    loss.push(step=0)
    assert loss.flush()
    link = publisher._link
    with link._lock:
        link._connection.torn = True
    link.wake()
    server.until(lambda: server.joins == 2)
    loss.push(step=1)
    assert loss.flush()
    accounted(server.streams["loss"], 2)


def test_a_bug_in_the_thread_is_logged_and_counted_and_the_link_goes_on(
    publisher, server, monkeypatch, caplog
):
    with monkeypatch.context() as patch:
        patch.setattr(connection.Connection, "receive", lambda self: 1 / 0)
        server.send("$published", [99, 0])
        server.until(lambda: "the link failed" in caplog.text)
    server.until(lambda: server.joins == 2)
    assert publisher.statistics().crashes == 1


# --- torture ---------------------------------------------------------------------------------


def test_a_million_rows_survive_twenty_cuts(publisher, server):
    chance = random.Random(20)
    loss = publisher.stream("loss")
    pushed = threading.Event()

    def cut() -> None:
        for _ in range(20):
            time.sleep(chance.uniform(0.01, 0.1))
            server.acknowledging = chance.random() < 0.7
            server.cut(reset=chance.random() < 0.5)
        server.acknowledging = True
        server.cut()

    thread = threading.Thread(target=cut)
    thread.start()
    for step in range(1_000_000):
        loss.push(step=step)
    pushed.set()
    thread.join()
    loss.flush(20)
    held = server.streams["loss"]
    assert held.next == 1_000_000
    accounted(held, 1_000_000)
    assert loss.statistics().dropped == sum(end - start for start, end in held.gaps)


# --- other sockets ---------------------------------------------------------------------------


def published(server: Peer, found: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher_module, "find_kernel", lambda: KERNEL)
    monkeypatch.setattr(publisher_module, "find_server", lambda: found)
    publisher = Publisher(QUICK).connect(required=True)
    loss = publisher.stream("loss")
    blobs = publisher.stream("blobs", media="application/octet-stream")
    for step in range(1000):
        loss.push(step=step)
    for _ in range(20):
        blobs.push(bytes(500_000))
    assert loss.flush()
    assert blobs.flush()
    publisher.close()
    accounted(server.streams["loss"], 1000)


def test_a_unix_socket_will_do(tmp_path: Path, monkeypatch):
    with peer(path=str(tmp_path / "socket")) as server:
        url = f"http+unix://%2Ftmp%2Fsocket{BASE}"
        published(server, replace(server.server, url=url), monkeypatch)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate that names a host nobody comes by."""
    path = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "jupyter.example")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (path / "cert").write_bytes(certificate.public_bytes(pem))
    form, unlocked = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (path / "key").write_bytes(key.private_bytes(pem, form, unlocked))
    return path


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[Peer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert", certificate / "key")
    with peer(tls=context) as server:
        yield server


def test_tls_trusts_the_certificate_it_was_told_of(tls_server, certificate, monkeypatch):
    found = replace(tls_server.server, ca=str(certificate / "cert"))
    published(tls_server, found, monkeypatch)


def test_tls_trusts_no_other(tls_server, monkeypatch):
    monkeypatch.setattr(publisher_module, "find_kernel", lambda: KERNEL)
    monkeypatch.setattr(publisher_module, "find_server", lambda: tls_server.server)
    publisher = Publisher(QUICK)
    with pytest.warns(RuntimeWarning, match="certificate verify failed"):
        publisher.connect(timeout=0.5)
    assert tls_server.claims == []
    publisher.close()
