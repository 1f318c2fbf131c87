"""What a hostile client sends in quantity; blocking, for a thread or a process of its own.

``python -m tests.security.floods NAME URL TOKEN NAMESPACE SCALE`` does one of ``FLOODS`` and prints
what the server answered, as JSON.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit

from tests.security.raw import BINARY, UPGRADE, framed

KIB, MIB = 1024, 1024 * 1024
SECONDS = 60.0
CODE = re.compile(rb'"code":(3\d\d\d)')


class Client:
    """One connection; what comes is read by a thread of its own, unless ``deaf``."""

    def __init__(self, url: str, token: str, *, deaf: bool = False) -> None:
        where = urlsplit(url)
        self.codes: Counter[int] = Counter()
        self.heard = 0
        self._settled = 0
        self._joined = 0
        self._socket = socket.socket()
        if deaf:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * KIB)
        self._socket.settimeout(SECONDS)
        self._socket.connect((where.hostname, where.port))
        headers = [("Host", where.netloc), ("Authorization", f"token {token}"), *UPGRADE]
        lines = [f"GET {where.path}?EIO=4&transport=websocket HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        assert self._socket.recv(12) == b"HTTP/1.1 101"
        self._ended = threading.Event()
        if not deaf:
            threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._socket.recv(1 << 18):
                self.codes.update(map(int, CODE.findall(data)))
                self._joined += data.count(b"40/kernels/")
                self._settled += data.count(b"44/none,")
                self.heard += len(data)
        self._ended.set()

    def send(self, data: bytes) -> bool:
        """Write bytes; False if the server has cut the connection."""
        try:
            self._socket.sendall(data)
        except OSError:
            return False
        return True

    def text(self, *packets: str) -> bool:
        """Write text messages, in one go."""
        return self.send(b"".join(framed(packet.encode()) for packet in packets))

    def settle(self) -> None:
        """Ask for what is refused and wait for that answer: all before it was dealt with."""
        if self.text("40/none,"):
            self._wait(lambda: self._settled)

    def wait_until_joined(self) -> None:
        """Wait until a namespace was joined."""
        self._wait(lambda: self._joined)

    def wait_for_bye(self) -> None:
        """Wait until the server has said 3501."""
        self._wait(lambda: self.codes[3501])

    def _wait(self, true: Callable[[], int]) -> None:
        deadline = time.monotonic() + SECONDS
        while not true() and not self._ended.wait(0.01):
            assert time.monotonic() < deadline, "no answer"

    def close(self) -> None:
        """Close; with a reader in another thread that takes a shutdown."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class Flood:
    """What all of them know."""

    def __init__(self, url: str, token: str, namespace: str, scale: float) -> None:
        self._url = url
        self._token = token
        self._ns = namespace
        self._scale = scale

    def _times(self, count: int) -> int:
        return max(1, round(count * self._scale))

    def _viewer(self, *, deaf: bool = False) -> Client:
        client = Client(self._url, self._token, deaf=deaf)
        client.text(f"40{self._ns},")
        if not deaf:
            client.wait_until_joined()
        return client

    def bytes(self) -> Client:
        """200 MB of events with a megabyte attached."""
        client = self._viewer()
        event = framed(f'451-{self._ns},["go",{{"_placeholder":true,"num":0}}]'.encode())
        event += framed(bytes(MIB), opcode=BINARY)
        for _ in range(self._times(200)):
            client.send(event)
        client.settle()
        return client

    def events(self) -> Client:
        """50,000 small events that want an answer."""
        client = self._viewer()
        for first in range(0, self._times(50_000), 100):
            client.text(*(f'42{self._ns},{first + n}["go",1]' for n in range(100)))
        client.settle()
        return client

    def deaf_events(self) -> Client:
        """The same from somebody who reads no answer; the server stops reading."""
        client = self._viewer(deaf=True)
        client._socket.settimeout(2.0)
        for first in range(0, self._times(200_000), 100):
            if not client.text(*(f'42{self._ns},{first + n}["go",1]' for n in range(100))):
                break
        return client

    def subscriptions(self) -> Client:
        """10,000 subscriptions, each to a stream of its own."""
        client = self._viewer()
        for first in range(0, self._times(10_000), 100):
            ids = range(first, first + 100)
            client.text(*(f'42{self._ns},{n}["$subscribe",{{"stream":"s{n}"}}]' for n in ids))
        client.settle()
        return client

    def connects(self) -> Client:
        """10,000 CONNECTs to kernels that are not there."""
        client = self._viewer()
        for n in range(self._times(10_000)):
            client.text(f"40/kernels/00000000-0000-0000-0000-{n:012},")
        client.settle()
        return client

    def comings_and_goings(self) -> Client:
        """10,000 times in and out of the namespace, which others are told of."""
        client = Client(self._url, self._token)
        for _ in range(self._times(10_000)):
            client.text(f"40{self._ns},", f"41{self._ns},")
        client.settle()
        return client

    def brackets(self) -> Client:
        """Megabytes of JSON that are slow to read, and large once they are."""
        client = self._viewer()
        units = ("[0]", '{"":0}', "[]", "1.5")
        for n in range(self._times(8)):
            unit = units[n % len(units)]
            body = f"{unit}," * ((MIB - 200) // (len(unit) + 1))
            client.text(f'42{self._ns},{n}["$unsubscribe",{{"id":1}},{body}0]')
        client.settle()
        return client

    def oversized(self) -> Client:
        """20 connections, each with a message of 11 MB."""
        for _ in range(self._times(20)):
            client = self._viewer()
            client.send(framed(bytes(11 * MIB)))
            client.close()
        return client

    def gigabyte(self) -> Client:
        """A message whose header claims a gigabyte, and as much of it as can be sent."""
        client = self._viewer()
        client.send(framed(bytes(MIB), said=2**30))
        for _ in range(self._times(1_000)):
            if not client.send(bytes(MIB)):
                break
        client.wait_for_bye()
        return client

    def fragments(self) -> Client:
        """A message in fragments, without an end."""
        client = self._viewer()
        client.send(framed(bytes(64 * KIB), final=False))
        part = framed(bytes(64 * KIB), opcode=0, final=False)
        for _ in range(self._times(3_000)):
            if not client.send(part):
                break
        client.wait_for_bye()
        return client

    def empty_fragments(self) -> Client:
        """500,000 fragments without anything in them."""
        client = self._viewer()
        client.send(framed(b"4", final=False))
        part = framed(b"", opcode=0, final=False) * 1_000
        for _ in range(self._times(500)):
            client.send(part)
        client.send(framed(b"", opcode=0))
        client.wait_for_bye()
        return client

    def pings(self) -> Client:
        """500,000 pings of the WebSocket's, whose answers nobody reads."""
        client = self._viewer(deaf=True)
        client._socket.settimeout(5.0)
        part = framed(b"x" * 100, opcode=9) * 1_000
        for _ in range(self._times(500)):
            if not client.send(part):
                break
        return client

    def unfinished(self) -> Client:
        """Ten events of which all but the last byte of the attachments came."""
        clients = [self._viewer() for _ in range(self._times(10))]
        header = f'452-{self._ns},["go",{{"_placeholder":true,"num":0}}]'
        for client in clients:
            client.text(header)
            client.send(framed(bytes(MIB - 1), opcode=BINARY))
        for client in clients:
            client.wait_for_bye()
        return clients[0]

    def dead_readers(self) -> Client:
        """Twenty viewers of the neighbour's stream who never read."""
        clients = [self._viewer(deaf=True) for _ in range(self._times(20))]
        for client in clients:
            client.text(f'42{self._ns},1["$subscribe",{{"stream":"neighbour"}}]')
        time.sleep(self._scale * 20)
        for client in clients:
            client.close()
        return clients[0]


FLOODS: dict[str, Callable[[Flood], Client]] = {
    name: function for name, function in vars(Flood).items() if not name.startswith("_")
}


def flood(name: str, url: str, token: str, namespace: str, scale: float) -> dict[str, int]:
    """Do one; returns how often each code was heard, and how many bytes."""
    client = FLOODS[name](Flood(url, token, namespace, scale))
    client.close()
    return {**{str(code): count for code, count in client.codes.items()}, "bytes": client.heard}


if __name__ == "__main__":
    _, what, *where, how_much = sys.argv
    print(json.dumps(flood(what, *where, float(how_much))))
