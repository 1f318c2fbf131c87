"""A server for publishers to be tested against: it does what protocol.md says, or what it is told.

One thread per connection over blocking sockets; what it was sent is kept, to be looked at.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow.ipc
from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from jupyter_sio.kernel.discovery import Kernel, Server
from jupyter_sio.protocol import socketio
from jupyter_sio.protocol.grants import Claim

KERNEL = Kernel("5f0c7a3e-0000-4000-8000-000000000001", b"a kernel's key")
ROOM = f"/kernels/{KERNEL.kernel_id}"
BASE = "/user/a%40b/"
SECONDS = 10.0


@dataclass
class Held:
    """One stream as the server holds it."""

    id: int
    epoch: str
    media: str
    mode: str
    first: int
    next: int
    opened: dict[str, Any]
    ended: bool = False
    payloads: list[tuple[int, int, bytes]] = field(default_factory=list)  # offset, rows, payload
    gaps: list[tuple[int, int]] = field(default_factory=list)
    compacted: list[tuple[int, int, bytes]] = field(default_factory=list)
    duplicates: int = 0
    times: list[int] = field(default_factory=list)

    def publish(self, offset: int, time_: int, rows: int, payload: bytes) -> None:
        end = offset + rows
        if end <= self.next:
            self.duplicates += 1
            return
        assert offset >= self.next, f"half a payload: {offset} below {self.next}"
        if offset > self.next:
            self.gaps.append((self.next, offset))
        self.payloads.append((offset, rows, payload))
        self.times.append(time_)
        self.next = end

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Every row received, in order."""
        return [row for _, _, payload in self.payloads for row in table(payload).to_pylist()]


def table(payload: bytes) -> Any:
    """Read an Arrow payload as anybody would."""
    return pyarrow.ipc.open_stream(payload).read_all()


class Line:
    """One WebSocket, from the server's side. Written to by its own thread and the test's."""

    def __init__(self, peer: Peer, sock: socket.socket, protocol: ServerProtocol) -> None:
        self.peer = peer
        self.sock = sock
        self.protocol = protocol
        self.decoder = socketio.Decoder()
        self.lock = threading.Lock()
        self.frozen = False
        self.joined = False
        self.left = False

    def run(self) -> None:
        greeting = {
            "sid": "s",
            "upgrades": [],
            "pingInterval": int(self.peer.ping[0] * 1000),
            "pingTimeout": int(self.peer.ping[1] * 1000),
            "maxPayload": 1 << 20,
        }
        self.raw("0" + json.dumps(greeting))
        while data := self.sock.recv(1 << 18):
            while self.frozen:
                time.sleep(0.01)
            self.protocol.receive_data(data)
            self.write()
            wrong = self.protocol.parser_exc
            assert not isinstance(wrong, ProtocolError | PayloadTooBig | UnicodeDecodeError), wrong
            for frame in self.protocol.events_received():
                if isinstance(frame, Frame) and frame.opcode in (Opcode.TEXT, Opcode.BINARY):
                    text = frame.opcode is Opcode.TEXT
                    payload = bytes(frame.data)
                    self.take(self.decoder.receive(payload.decode() if text else payload))

    def take(self, received: Any) -> None:
        if isinstance(received, socketio.Event):
            self.peer.heard.append((received.name, received.args))
            self.peer.take(self, received)
        elif isinstance(received, socketio.Answered):
            self.peer.answers[received.ack_id] = received.args
        elif isinstance(received, socketio.Joined):
            self.peer.joins += 1
            if self.peer.refuse_join is not None:
                code, message = self.peer.refuse_join
                refusal = {"message": message, "data": {"code": code}}
                self.raw(f"44{received.namespace}," + json.dumps(refusal))
                return
            self.joined = True
            self.raw(f'40{received.namespace},{{"sid":"k"}}')
        elif isinstance(received, socketio.Left):
            self.left = True
            self.peer.goodbyes += 1

    def raw(self, *frames: socketio.Frame) -> None:
        with self.lock:
            if self.protocol.state is not State.OPEN:
                return  # the other side said goodbye while we were at what it sent before
            for frame in frames:
                if isinstance(frame, str):
                    self.protocol.send_text(frame.encode())
                else:
                    self.protocol.send_binary(bytes(frame))
        self.write()

    def write(self) -> None:
        with self.lock:
            for data in self.protocol.data_to_send():
                if data and not self.frozen:
                    self.sock.sendall(data)

    def send(self, name: str, *args: Any, ack_id: int | None = None) -> None:
        self.raw(*socketio.event(ROOM, name, args, ack_id=ack_id))

    def cut(self, *, reset: bool = False) -> None:
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


class Peer:
    """The server. ``streams`` has the newest epoch of each; ``past`` has those before."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, path: str = "") -> None:
        self.streams: dict[str, Held] = {}
        self.past: list[Held] = []
        self.heard: list[tuple[str, list[Any]]] = []
        self.answers: dict[int, list[Any]] = {}
        self.claims: list[Claim] = []
        self.paths: list[str] = []
        self.lines: list[Line] = []
        self.errors: list[str] = []
        self.joins = 0
        self.goodbyes = 0
        # What it is told to do otherwise.
        self.ping = (25.0, 20.0)
        self.acknowledging = True
        self.ticket_status = 200
        self.refuse_join: tuple[int, str] | None = None
        self.replies: dict[str, Callable[[Any], Any]] = {}
        self.slow = 0.0
        self.tls = tls
        self.path = path
        self._ids: dict[str, int] = {}
        self._tickets: set[str] = set()
        self._listen()

    def _listen(self) -> None:
        if self.path:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.bind(self.path)
        else:
            self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.listen(16)
        self.port = 0 if self.path else self._socket.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._socket,), daemon=True).start()

    @property
    def server(self) -> Server:
        """Where it is, as ``find_server`` would tell."""
        scheme = "https" if self.tls else "http"
        return Server(f"{scheme}://127.0.0.1:{self.port}{BASE}", sock=self.path)

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listening.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            with contextlib.closing(self.tls.wrap_socket(sock, True) if self.tls else sock) as s:
                self._answer(s)
        except (OSError, EOFError):
            pass
        except Exception:  # noqa: BLE001 - the thread's top; a test looks at them
            self.errors.append(traceback.format_exc())

    def _answer(self, sock: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (data := sock.recv(65536)):
                return
            head += data
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        self.paths.append(path)
        if method == "POST":
            self._give_ticket(sock, path, head)
            return
        protocol = ServerProtocol(max_size=None)
        protocol.receive_data(head)
        (request,) = protocol.events_received()
        assert isinstance(request, Request)
        ticket = path.rpartition("ticket=")[2]
        if ticket not in self._tickets:
            protocol.send_response(protocol.reject(403, "no such ticket"))
            sock.sendall(b"".join(protocol.data_to_send()))
            return
        self._tickets.discard(ticket)
        protocol.send_response(protocol.accept(request))
        sock.sendall(b"".join(protocol.data_to_send()))
        line = Line(self, sock, protocol)
        self.lines.append(line)
        line.run()

    def _give_ticket(self, sock: socket.socket, path: str, head: bytes) -> None:
        head, _, body = head.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(body) < length:
            body += sock.recv(65536)
        assert path == f"{BASE}jupyter-sio/api/tickets", path
        self.claims.append(Claim.parse(json.loads(body)["claim"]))
        ticket = f"ticket{len(self.claims)}"
        answer: dict[str, Any] = {"message": "no", "reason": "told to"}
        if self.ticket_status == 200:
            self._tickets.add(ticket)
            answer = {"ticket": ticket, "expires_in": 30, "kernel_id": KERNEL.kernel_id}
        text = json.dumps(answer).encode()
        status = f"HTTP/1.1 {self.ticket_status} X\r\nContent-Length: {len(text)}\r\n\r\n"
        sock.sendall(status.encode() + text)

    def new_ticket(self) -> str:
        """A ticket for somebody without a key."""
        self._tickets.add("given")
        return "given"

    # --- what it does with messages ------------------------------------------------------------

    def take(self, line: Line, event: socketio.Event) -> None:
        if self.slow:
            time.sleep(self.slow)
        if event.name == "$publish":
            (id_, offset, time_, rows), payload = event.args
            held = self.held(id_)
            assert not held.ended, "rows of an ended stream"
            held.publish(offset, time_, rows, payload)
            if self.acknowledging:
                line.send("$published", [id_, held.next])
        elif event.name == "$compact":
            (id_, offset, _, rows), payload = event.args
            self.held(id_).compacted.append((offset, rows, payload))
        elif event.ack_id is not None:
            line.raw(*socketio.answer(ROOM, event.ack_id, [self.reply(event)]))

    def reply(self, event: socketio.Event) -> Any:
        if event.name in self.replies:
            return self.replies[event.name](event.args)
        if event.name == "$open":
            return self.open(event.args[0])
        if event.name == "$close":
            self.held(event.args[0]["id"]).ended = True
            return {"ok": True}
        if event.name == "$viewers":
            entry = {"id": "v1", "name": "ada", "grants": ["watch", "send"]}
            return [{**entry, "since": 1760000000000, "lag": 3}]
        if event.name == "$emit":
            return {"ok": True, "sent": 1}
        return {"ok": True}

    def open(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked["stream"]
        held = self.streams.get(name)
        if held is None or held.epoch != asked["epoch"]:
            if held is not None:
                self.past.append(held)
            id_ = self._ids.setdefault(name, len(self._ids) + 1)
            start = asked["from"]
            held = Held(id_, asked["epoch"], asked["media"], asked["mode"], start, start, asked)
            self.streams[name] = held
        held.ended = False
        return {"ok": True, "id": held.id, "next": held.next}

    def held(self, id_: int) -> Held:
        return next(held for held in self.streams.values() if held.id == id_)

    # --- what a test has it do -----------------------------------------------------------------

    @property
    def line(self) -> Line:
        """The newest connection that has joined."""
        return [line for line in self.lines if line.joined][-1]

    def send(self, name: str, *args: Any, ack_id: int | None = None) -> None:
        self.line.send(name, *args, ack_id=ack_id)

    def cut(self, *, reset: bool = False) -> None:
        """End all connections without a word."""
        lines, self.lines = self.lines, []
        for line in lines:
            line.cut(reset=reset)

    def forget(self) -> None:
        """Be another server, as after a restart."""
        self.past += self.streams.values()
        self.streams = {}

    def until(self, true: Callable[[], Any], seconds: float = SECONDS) -> Any:
        """Wait until ``true()`` is."""
        deadline = time.monotonic() + seconds
        while not (found := _tried(true)):
            assert time.monotonic() < deadline, f"did not happen; heard {self.heard[-5:]}"
            assert not self.errors, self.errors
            time.sleep(0.002)
        return found

    def of(self, name: str) -> list[list[Any]]:
        """The arguments of every event of that name."""
        return [args for event, args in list(self.heard) if event == name]

    def close(self) -> None:
        self.cut()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def _tried(true: Callable[[], Any]) -> Any:
    with contextlib.suppress(KeyError, IndexError):
        return true()


@contextlib.contextmanager
def peer(**options: Any) -> Iterator[Peer]:
    """Run one for the length of a ``with`` block."""
    found = Peer(**options)
    try:
        yield found
    finally:
        found.close()
    assert not found.errors, found.errors[0]
