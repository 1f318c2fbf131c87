"""One WebSocket to the server, never blocking once it is open: Socket.IO messages out and in.

``websockets`` frames and masks, ``protocol/socketio.py`` reads and writes what is in the frames,
``ssl`` encrypts between memory and memory; the socket sees bytes alone. Nothing here locks: the
link does.

Source: RFC 6455; Engine.IO protocol v4.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections import deque
from collections.abc import Iterator, Sequence
from time import monotonic

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from jupyter_sio import limits
from jupyter_sio.errors import BadRequest, NotPermitted
from jupyter_sio.kernel.door import Door
from jupyter_sio.protocol import socketio

# Given to websockets, whose records about our frames would otherwise be taken for the user's: one
# that is pushed to a stream makes a frame, which makes a record.
log = logging.getLogger("jupyter_sio.websocket")
_READ_BYTES = 256 * limits.KIB


class Lost(ConnectionError):
    """The connection is of no more use."""


class Wire:
    """Bytes to and from a socket; through TLS if there is a context. Owns the socket."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext | None, host: str) -> None:
        self._sock = sock
        self._waiting: deque[memoryview] = deque()
        self.backlog = 0  # bytes that the OS has not taken
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        if context is not None:
            self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
            self._handshake(self._tls)

    def _handshake(self, tls: ssl.SSLObject) -> None:
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                self._sock.sendall(self._outgoing.read())
                if not (data := self._sock.recv(_READ_BYTES)):
                    raise Lost(
                        "the server closed the connection during the TLS handshake"
                    ) from None
                self._incoming.write(data)
            else:
                self._sock.sendall(self._outgoing.read())
                return

    def fileno(self) -> int:
        """The socket's."""
        return self._sock.fileno()

    def never_wait(self) -> None:
        """Let ``write`` and ``read`` return at once from now on."""
        self._sock.setblocking(False)

    def write(self, data: bytes) -> None:
        """Send, or keep what the OS does not take."""
        if self._tls is not None:
            self._tls.write(data)
            data = self._outgoing.read()
        self._waiting.append(memoryview(data))
        self.backlog += len(data)
        self.flush()

    def flush(self) -> None:
        """Send what was kept, as far as the OS takes it."""
        while self._waiting:
            data = self._waiting[0]
            try:
                count = self._sock.send(data)
            except (BlockingIOError, InterruptedError):
                return
            self.backlog -= count
            if count == len(data):
                self._waiting.popleft()
            else:
                self._waiting[0] = data[count:]

    def read(self) -> bytes | None:
        """Read what is there; None if that is nothing yet, ``b""`` at the end."""
        try:
            data = self._sock.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return None
        if self._tls is None or not data:
            return data
        self._incoming.write(data)
        return self._decrypted(self._tls)

    def _decrypted(self, tls: ssl.SSLObject) -> bytes | None:
        parts = []
        try:
            while part := tls.read(_READ_BYTES):
                parts.append(part)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            return b"".join(parts)
        return b"".join(parts) or None

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()


class Connection:
    """An open WebSocket; belongs to whoever has the link's lock."""

    def __init__(self, wire: Wire, protocol: ClientProtocol) -> None:
        self._wire = wire
        self._protocol = protocol
        self._decoder = socketio.Decoder()
        self._parts: list[bytes] = []
        self._text = False
        self.heard_at = monotonic()
        # True while a frame is being written: an exception from a signal's handler may have cut
        # it, and nobody knows where. Then the connection is given up; nothing is lost by that.
        self.torn = False
        self.lost: Exception | None = None  # why nothing more will be received

    @classmethod
    def open(cls, door: Door) -> Connection:
        """Connect, and shake hands; waits.

        Raises
        ------
        Refused
            If there is no point in trying again.
        OSError
            If there may be.
        """
        ready_made = door.given is not None
        ticket = door.ticket()
        sock = door.connect()
        try:
            wire = Wire(sock, door.tls(), door.server.host)
            scheme = "wss" if door.server.secure else "ws"
            host = f"[{door.server.host}]" if ":" in door.server.host else door.server.host
            query = f"EIO=4&transport=websocket&ticket={ticket}"
            uri = f"{scheme}://{host}:{door.server.port}{door.socket_path}?{query}"
            protocol = ClientProtocol(
                parse_uri(uri), max_size=limits.Inbound.kernel_bytes, logger=log
            )
            connection = cls(wire, protocol)
            connection._shake_hands()
        except InvalidStatus as exc:
            sock.close()
            status = exc.response.status_code
            if ready_made:
                raise NotPermitted(f"the server refused the ticket given (HTTP {status})") from exc
            raise ConnectionError(f"the server refused the WebSocket (HTTP {status})") from exc
        except (InvalidHandshake, EOFError) as exc:
            sock.close()
            raise ConnectionError(f"no WebSocket there: {exc}") from exc
        except BaseException:
            sock.close()
            raise
        return connection

    def _shake_hands(self) -> None:
        self._protocol.send_request(self._protocol.connect())
        self._wire.write(b"".join(self._protocol.data_to_send()))
        while self._protocol.state is State.CONNECTING:
            if (data := self._wire.read()) is not None:
                self._feed(data)
            if self._protocol.handshake_exc is not None:
                raise self._protocol.handshake_exc
        self._wire.never_wait()

    def _feed(self, data: bytes) -> None:
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()

    def fileno(self) -> int:
        """The socket's."""
        return self._wire.fileno()

    @property
    def backlog(self) -> int:
        """Bytes that the OS has not taken."""
        return self._wire.backlog

    def flush(self) -> None:
        """Write what the OS had not taken, as far as it does now."""
        self.torn = True
        self._wire.flush()
        self.torn = False

    def send(self, frames: Sequence[socketio.Frame]) -> None:
        """Write one message; what the OS does not take is kept.

        Raises
        ------
        OSError
            If the connection is gone.
        """
        if self._protocol.state is not State.OPEN:
            raise Lost("the connection is closing")
        self.torn = True
        for frame in frames:
            if isinstance(frame, str):
                self._protocol.send_text(frame.encode())
            else:
                self._protocol.send_binary(frame)
        self._wire.write(b"".join(self._protocol.data_to_send()))
        self.torn = False

    def receive(self) -> list[socketio.Received]:
        """Read the messages that are there; never waits.

        What ends the connection is told in ``lost``, after the messages that came before it.
        """
        received: list[socketio.Received] = []
        try:
            for message in self._messages():
                if (found := self._decoder.receive(message)) is not None:
                    received.append(found)
        except (OSError, BadRequest) as exc:
            self.lost = exc
        return received

    def _messages(self) -> Iterator[str | bytes]:
        data = self._wire.read()
        if data is not None:
            self.heard_at = monotonic()
            self._feed(data)
        for frame in self._protocol.events_received():
            if (message := self._message(frame)) is not None:
                yield message
        if answer := b"".join(self._protocol.data_to_send()):
            self._wire.write(answer)
        if self._protocol.state is not State.OPEN:
            raise Lost(f"the server closed the connection ({self._close_code()})")

    def _message(self, frame: object) -> str | bytes | None:
        """Join fragments: a proxy may cut what the server sent whole."""
        if not isinstance(frame, Frame) or frame.opcode not in _DATA:
            return None
        if frame.opcode is not Opcode.CONT:
            self._text = frame.opcode is Opcode.TEXT
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return None
        data = b"".join(self._parts)
        self._parts.clear()
        if not self._text:
            return data
        try:
            return data.decode()
        except UnicodeDecodeError as exc:
            raise BadRequest("a text frame must be UTF-8") from exc

    def _close_code(self) -> str:
        close = self._protocol.close_rcvd
        return "no close frame" if close is None else str(close)

    def leave(self, namespace: str) -> None:
        """Say goodbye, as far as the OS takes it at once."""
        self.send([socketio.disconnect(namespace)])
        self._protocol.send_close(1000)
        self._wire.write(b"".join(self._protocol.data_to_send()))

    def close(self) -> None:
        """Close the socket."""
        self._wire.close()


_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
