"""The truth about live namespaces, their streams and viewers; bounded. Owned by the server's loop.

Nothing here sends: what is told of a change is ``news.py``, what is sent of a stream ``fanout.py``.

Source: protocol.md §1, §9.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from jupyter_sio.errors import BadRequest, Code, Refused
from jupyter_sio.limits import Limits
from jupyter_sio.protocol.cursor import Cursor
from jupyter_sio.protocol.grants import Access, Claim
from jupyter_sio.protocol.history import History
from jupyter_sio.protocol.lifetime import Lifetime
from jupyter_sio.protocol.messages import Introduction, Mode, StreamInfo, Subscribe, ViewerInfo
from jupyter_sio.protocol.rates import Bucket
from jupyter_sio.server.clients import Client
from jupyter_sio.server.session import Session

PREFIX = "/kernels"


def now_ms() -> int:
    """Wall clock, ms since 1970: what travels in messages."""
    return time.time_ns() // 1_000_000


class Subscription:
    """One viewer's interest in one stream; no cursor while the stream does not exist yet."""

    __slots__ = ("cursor", "stream", "viewer", "wanted")

    def __init__(self, viewer: Viewer, stream: Stream, wanted: Subscribe) -> None:
        self.viewer = viewer
        self.stream = stream
        self.wanted = wanted
        self.cursor: Cursor | None = None

    @property
    def due(self) -> bool:
        """Whether rows are owed, whatever holds them back."""
        history = self.stream.history
        return self.cursor is not None and history is not None and self.cursor.due(history)


class Stream:
    """A name in a namespace; ``history`` is None while viewers wait for it to be opened."""

    __slots__ = (
        "bytes_in",
        "ended",
        "history",
        "id",
        "last_watched",
        "media",
        "mode",
        "name",
        "rows_in",
        "subscriptions",
    )

    def __init__(self, id: int, name: str) -> None:
        self.id = id
        self.name = name
        self.media = ""
        self.mode: Mode = "every"
        self.history: History | None = None
        self.ended = False
        self.subscriptions: dict[Viewer, Subscription] = {}
        self.last_watched = 0.0
        self.rows_in = 0
        self.bytes_in = 0

    def info(self) -> StreamInfo:
        """Write its entry of ``$streams``; only for a stream that was opened."""
        assert self.history is not None
        return StreamInfo(
            id=self.id,
            stream=self.name,
            media=self.media,
            mode=self.mode,
            epoch=self.history.epoch,
            first=self.history.first,
            next=self.history.next,
            ended=self.ended,
        )


@dataclass(eq=False, slots=True)
class Viewer:
    """Somebody connected to a namespace who is not its publisher."""

    client: Client
    access: Access
    name: str
    kind: str
    since: int
    events: Bucket
    subscriptions: dict[int, Subscription] = field(default_factory=dict)
    rooms: set[str] = field(default_factory=set)
    # Subscriptions with rows owed, in the order of their turns (a dict is an ordered set).
    due: dict[Subscription, None] = field(default_factory=dict)
    served: int = 0  # how many batches had been sent, to anybody, when it was sent its last one
    # The kernel has ended: as soon as nothing is owed any more, 3510 is said.
    parting: bool = False

    @property
    def id(self) -> str:
        """The viewer's id: its Socket.IO sid in the namespace."""
        return self.client.sid

    @property
    def session(self) -> Session:
        """The connection it came by."""
        return self.client.session

    @property
    def lag(self) -> int:
        """Rows owed over all its subscriptions."""
        return sum(
            max(0, s.stream.history.next - s.cursor.next)
            for s in self.subscriptions.values()
            if s.cursor is not None and s.stream.history is not None
        )

    def info(self) -> ViewerInfo:
        """Write who it is, as ``$event`` and ``$viewer`` say it."""
        grants = tuple(sorted(grant.value for grant in self.access.grants))
        return ViewerInfo(self.id, self.name, grants)

    def entry(self) -> dict[str, object]:
        """Write its entry of ``$viewers``."""
        known = {"kind": self.kind, "since": self.since, "lag": self.lag}
        return {**self.info().entry(), **known}


@dataclass(eq=False, slots=True)
class Publisher:
    """The process that has claimed a namespace, and what it was told that we hold."""

    client: Client
    claim: Claim
    # stream id -> bytes taken in since the last $published
    unreported: dict[int, int] = field(default_factory=dict)
    reported_at: float = 0.0  # monotonic


class KernelNamespace:
    """``/kernels/<id>``: its kernel's life, its streams, its viewers, its publisher."""

    def __init__(self, kernel_id: str, lifetime: Lifetime) -> None:
        self.kernel_id = kernel_id
        self.name = f"{PREFIX}/{kernel_id}"
        self.lifetime = lifetime
        self.publisher: Publisher | None = None
        self.claim_epoch: str | None = None
        self.viewers: dict[str, Viewer] = {}
        self.rooms: dict[str, set[Viewer]] = {}
        self.streams: dict[str, Stream] = {}
        self.streams_by_id: dict[int, Stream] = {}
        self._next_stream_id = 1
        self.history_bytes = 0
        self.label = ""  # the notebook's name, for people
        self.path = ""

    def stream(self, name: str) -> Stream:
        """Get the record of a stream's name, made on first use."""
        stream = self.streams.get(name)
        if stream is None:
            stream = self.streams[name] = Stream(self._next_stream_id, name)
            self.streams_by_id[stream.id] = stream
            self._next_stream_id += 1
        return stream

    def opened(self) -> Iterator[Stream]:
        """Go through the streams that a publisher has opened."""
        return (stream for stream in self.streams.values() if stream.history is not None)

    def forget_if_unused(self, stream: Stream) -> None:
        """Drop a name that nobody opened and nobody waits for any more."""
        if stream.history is None and not stream.subscriptions:
            self.streams.pop(stream.name, None)
            self.streams_by_id.pop(stream.id, None)


class Counts(NamedTuple):
    """How much lives; after everybody left it is what it was before."""

    namespaces: int
    streams: int
    viewers: int
    subscriptions: int
    publishers: int
    history_bytes: int


class Registry:
    """All namespaces by kernel id, and the bounds they share."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.namespaces: dict[str, KernelNamespace] = {}
        self.history_bytes = 0
        self.evicted_for_memory = 0  # payloads that left because kernel or server was full
        self.refused_subscriptions = 0  # answered 3505: all that a connection may hold
        self.refused_streams = 0  # answered 3505: all that a kernel may open
        self.on_opened: Callable[[KernelNamespace], None] = lambda namespace: None
        self.on_closed: Callable[[KernelNamespace], None] = lambda namespace: None

    def open(self, kernel_id: str) -> KernelNamespace:
        """Open a kernel's namespace, or return the one there is."""
        namespace = self.namespaces.get(kernel_id)
        if namespace is None:
            namespace = KernelNamespace(kernel_id, Lifetime(now_ms=now_ms()))
            self.namespaces[kernel_id] = namespace
            self.on_opened(namespace)
        return namespace

    def close(self, namespace: KernelNamespace) -> None:
        """Forget a namespace whose time is over; nobody may be in it any more."""
        if self.namespaces.get(namespace.kernel_id) is namespace:
            del self.namespaces[namespace.kernel_id]
            self.history_bytes -= namespace.history_bytes
            namespace.streams.clear()
            namespace.streams_by_id.clear()
            self.on_closed(namespace)

    def find(self, name: str) -> KernelNamespace | None:
        """Find the namespace of a Socket.IO namespace name such as ``/kernels/<id>``."""
        prefix, _, kernel_id = name.rpartition("/")
        return self.namespaces.get(kernel_id) if prefix == PREFIX else None

    def new_viewer(self, client: Client, access: Access, said: Introduction) -> Viewer:
        """Make the record of a viewer that was let in."""
        rates = self.limits.rates
        bucket = Bucket(
            per_second=rates.events_per_second, burst=rates.event_burst, now=time.monotonic()
        )
        kind = said.kind if access.link_id is None else "link"
        return Viewer(client, access, said.name or access.user, kind, now_ms(), bucket)

    def check_stream_name(self, name: str) -> None:
        """Raise ``BadRequest`` if it is longer than this server allows."""
        longest, size = self.limits.inbound.stream_name_bytes, len(name.encode())
        if size > longest:
            raise BadRequest(f"a stream's name may have {longest} bytes here; got {size}")

    def check_room_for_subscription(self, session: Session, *, waiting: bool) -> None:
        """Raise ``Refused`` (3505) if the connection has all the subscriptions it may have."""
        bounds = self.limits.connections
        held = [s for v in viewers_of(session) for s in v.subscriptions.values()]
        if len(held) >= bounds.subscriptions:
            self._refuse_subscription(f"hold {bounds.subscriptions} subscriptions")
        if waiting and sum(s.cursor is None for s in held) >= bounds.waiting_streams:
            self._refuse_subscription(f"wait for {bounds.waiting_streams} streams")

    def _refuse_subscription(self, bound: str) -> NoReturn:
        self.refused_subscriptions += 1
        raise Refused(f"a connection may {bound}", code=Code.TOO_MANY_NAMESPACES)

    def grew(self, namespace: KernelNamespace, by: int) -> None:
        """Count bytes of history that came or went, and keep to the bounds."""
        namespace.history_bytes += by
        self.history_bytes += by
        if namespace.history_bytes > self.limits.memory.kernel_bytes:
            self._evict([namespace], self.limits.memory.kernel_bytes, ended_first=False)
        if self.history_bytes > self.limits.memory.server_bytes:
            everything = list(self.namespaces.values())
            self._evict(everything, self.limits.memory.server_bytes, ended_first=True)

    def _evict(self, namespaces: list[KernelNamespace], bound: int, *, ended_first: bool) -> None:
        """Bring these namespaces to 95 % of ``bound``, so that this is not done for every row.

        Streams of ended kernels leave first, then the least recently watched.
        """
        target = bound * 95 // 100
        held = sum(namespace.history_bytes for namespace in namespaces)
        candidates = [
            (not (ended_first and namespace.lifetime.ended), _watched(stream), stream.id, namespace)
            for namespace in namespaces
            for stream in namespace.opened()
        ]
        candidates.sort(key=lambda candidate: candidate[:3])
        for _, _, stream_id, namespace in candidates:
            history = namespace.streams_by_id[stream_id].history
            assert history is not None
            while held > target and (freed := history.evict_oldest()):
                held -= freed
                namespace.history_bytes -= freed
                self.history_bytes -= freed
                self.evicted_for_memory += 1
            if held <= target:
                return

    def counts(self) -> Counts:
        """Count what lives."""
        namespaces = self.namespaces.values()
        viewers = [viewer for ns in namespaces for viewer in ns.viewers.values()]
        return Counts(
            namespaces=len(namespaces),
            streams=sum(len(ns.streams) for ns in namespaces),
            viewers=len(viewers),
            subscriptions=sum(len(viewer.subscriptions) for viewer in viewers),
            publishers=sum(ns.publisher is not None for ns in namespaces),
            history_bytes=self.history_bytes,
        )


def viewers_of(session: Session) -> Iterator[Viewer]:
    """Go through the viewers that one connection is, one per namespace joined."""
    for client in session.clients.values():
        if isinstance(client.owner_data, Viewer):
            yield client.owner_data


def _watched(stream: Stream) -> float:
    return float("inf") if stream.subscriptions else stream.last_watched
