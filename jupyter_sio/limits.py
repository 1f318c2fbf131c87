"""Every bound of the system, as frozen values with units; the defaults are protocol.md §9's.

A bound that a server operator may turn is a trait of the extension (``server/app.py``), whose
default is read from here. Bytes are bytes, times are seconds, unless the name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from jupyter_sio.errors import BadRequest

KIB = 1024
MIB = 1024 * KIB

# A position must survive a JavaScript number.
MAX_OFFSET = 2**53 - 1
# JavaScript clients answer an event with more attachments by closing (socket.io-parser 4.2.7).
MAX_ATTACHMENTS = 10
# python-engineio's clients refuse an answer to a poll that has more (4.15.1).
MAX_POLLED_PACKETS = 16
MAX_NAME_TEXT = 64


@dataclass(frozen=True)
class Inbound:
    """What one client may send; beyond it the connection is closed with 3501."""

    viewer_bytes: int = 1 * MIB  # one Engine.IO frame, and the attachments of one event together
    kernel_bytes: int = 8 * MIB
    event_name_bytes: int = 64
    stream_name_bytes: int = 128
    namespace_bytes: int = 256  # a namespace's name
    json_depth: int = 64  # lists and objects within each other
    attachment_seconds: float = 10.0  # from a binary event's header to its last attachment
    # Of the loop's time, for reading one viewer's large messages; it is not read meanwhile.
    reading_share: float = 0.1
    post_frames: int = 2  # long-polling: a POST may have so many times viewer_bytes; more: 413
    post_seconds: float = 60.0  # until a POST's body is in; then its connection is closed
    queued_events: int = 64  # per client and namespace; when full, the socket is not read
    queued_bytes: int = 2 * MIB  # of events of one connection; when full, it is not read
    # While a handler waits for the client's answer the socket must be read: then up to twice the
    # two bounds above, and what comes beyond is answered 3013.

    @property
    def post_bytes(self) -> int:
        """Bytes of one POST: base64 makes a third more of the attachments it carries."""
        return self.post_frames * self.viewer_bytes


@dataclass(frozen=True)
class Rates:
    """User events of one viewer: a token bucket; beyond it they are answered 3013."""

    events_per_second: float = 50.0
    event_burst: int = 200


@dataclass(frozen=True)
class Connections:
    """How much one connection, and all of them, may hold."""

    connections: int = 2_000  # per server; further ones are refused with HTTP 429 (3504)
    namespaces: int = 64  # per connection: 3505
    subscriptions: int = 128  # per connection: 3505
    waiting_streams: int = 128  # per connection: names that do not exist yet: 3505
    connect_seconds: float = 10.0  # without an accepted CONNECT: 3502
    upgrade_seconds: float = 10.0  # from polling to a WebSocket; then that is closed
    handler_seconds: float = 15.0  # a connect handler that takes longer refuses (3004)
    answer_seconds: float = 30.0  # a viewer's or a kernel's answer to an event: 3003
    pending_answers: int = 1_000  # of one client; beyond it the oldest is given up


@dataclass(frozen=True)
class Transport:
    """What may lie between the server and one viewer's socket."""

    outstanding_bytes: int = 256 * KIB  # streams wait above it (exceeded by one batch at most)
    event_outstanding_bytes: int = 1 * MIB  # user events above it are dropped and counted
    batch_payloads: int = 8  # of one $batch
    batch_bytes: int = 1 * MIB  # of one $batch, or one larger payload alone
    window_payloads: int = 4_096  # unacknowledged ones kept apart; later ones go as one
    turn_bytes: int = 1 * MIB  # written to one viewer before the others have their turn
    gathered_bytes: int = 16 * MIB  # for the next poll; beyond it the connection ends with 3008
    stall_seconds: float = 15.0  # no byte leaving with data due: 3008
    abort_seconds: float = 3.0  # from the close frame to the TCP abort
    ping_interval: float = 25.0
    ping_timeout: float = 20.0
    streams_interval: float = 0.2  # between two $streams of one namespace
    published_bytes: int = 1 * MIB  # acknowledged to the kernel at once after so much
    published_interval: float = 0.05  # ... else no more often than this
    directory_interval: float = 1.0  # between two $namespace of one kernel


@dataclass(frozen=True)
class HistoryBounds:
    """What is kept of one stream; the newest payload always is. None: not bounded that way."""

    bytes: int = 8 * MIB
    rows: int | None = None  # the newest so many
    seconds: float | None = None  # rows that are younger
    payloads: int = 65_536  # each costs about 250 bytes beside its own; not on the wire

    def __post_init__(self) -> None:
        """Raise ``BadRequest`` for what is no bound."""
        for name in ("bytes", "rows"):
            count = getattr(self, name)
            whole = isinstance(count, int) and not isinstance(count, bool)
            if count is not None and not (whole and 0 <= count <= MAX_OFFSET):
                raise BadRequest(f"history's {name} is a whole number from 0; got {count!r}")
        number = isinstance(self.seconds, int | float) and not isinstance(self.seconds, bool)
        if self.seconds is not None and not (number and 0 <= self.seconds < float("inf")):
            raise BadRequest(f"history's seconds is a number from 0; got {self.seconds!r}")


@dataclass(frozen=True)
class Memory:
    """History of all streams together; see protocol.md §9 for who leaves first."""

    kernel_bytes: int = 64 * MIB
    server_bytes: int = 256 * MIB
    streams: int = 1_000  # per kernel; further ones are refused (3505)


@dataclass(frozen=True)
class Doors:
    """Tickets and claims."""

    ticket_seconds: float = 30.0
    tickets: int = 10_000  # open ones; when full the oldest leaves
    nonces: int = 10_000  # remembered; when full the oldest leaves
    claim_skew_seconds: float = 60.0  # between a claim's time and the server's
    rest_bytes: int = 64 * KIB  # of a request's body; beyond it HTTP 413
    rest_seconds: float = 10.0  # until a request's body is in; then the connection is closed
    # Attempts with a link that is none, from one address: beyond it HTTP 429.
    link_failures: int = 20
    link_failures_per_second: float = 1 / 3  # by which it is allowed one more
    link_addresses: int = 10_000  # remembered; when full the one that failed longest ago leaves
    identity_seconds: float = 60.0  # between two looks at a live connection's identity
    identity_checks: int = 8  # of them at the same time
    identity_check_seconds: float = 10.0  # one that takes longer is tried again ...
    identity_grace_seconds: float = 300.0  # ... until nobody could say so long: 3014


@dataclass(frozen=True)
class Links:
    """Share links of one server."""

    links: int = 1_000  # further ones are refused (HTTP 429, 3013)
    lifetime_seconds: float = 30 * 86_400.0  # longer ones are refused (HTTP 400, 3501)
    names: int = 100  # globs, and events, of one link
    name_bytes: int = 128  # of each
    ended_links: int = 10_000  # of which it is remembered why they ended; the oldest leaves
    look_seconds: float = 1.0  # between two looks at the wall clock while there are links


@dataclass(frozen=True)
class Lifetime:
    """How long a namespace outlives its kernel, and how often we look."""

    ended_seconds: float = 600.0
    sweep_seconds: float = 10.0  # between two comparisons with Jupyter's list of kernels
    look_seconds: float = 0.25  # between two looks at whether a watched kernel is busy


@dataclass(frozen=True)
class Outbox:
    """The kernel's side of one stream."""

    bytes: int = 16 * MIB  # not yet acknowledged; when full: the stream's ``overflow`` policy
    in_flight_bytes: int = 4 * MIB  # sent and not acknowledged; when full the outbox fills
    flush_bytes: int = 64 * KIB  # of rows gathered: then they go at once ...
    flush_seconds: float = 0.016  # ... else after so long
    payload_bytes: int = 1 * MIB  # Arrow and NDJSON; larger tables are split
    blob_bytes: int = 4 * MIB  # images and octets; larger ones raise
    compact_payloads: int = 64  # so many small ones become one
    compact_bytes: int = 1 * KIB  # of rows: a payload is "small" at or below this
    block_seconds: float = 30.0  # overflow="block" gives up after this and drops the oldest
    columns: int = 1_000  # of a table; a row that would add another raises


@dataclass(frozen=True)
class Link:
    """The kernel's one connection, with all its streams."""

    backlog_bytes: int = 256 * KIB  # that the OS has not taken; payloads wait above it
    queued_events: int = 1_000  # of ``emit`` and calls, unsent; further ones are dropped, counted
    queued_calls: int = 1_000  # viewers' events waiting for a handler; further ones: 3013
    door_seconds: float = 10.0  # for a ticket, for the handshake, and for CONNECT's answer
    retry_seconds: float = 0.5  # full jitter up to this, doubled with each attempt ...
    retry_cap_seconds: float = 10.0  # ... up to this
    healthy_seconds: float = 30.0  # after so long connected the attempts are counted anew
    sweep_seconds: float = 0.5  # the link thread looks at its streams at least so often
    exit_seconds: float = 1.5  # at interpreter exit, to hand over what is left


@dataclass(frozen=True)
class Mirroring:
    """An ipywidget that viewers see."""

    interval_seconds: float = 1 / 30  # between two tellings of its state; the last one always is
    widgets: int = 500  # with children, layouts and styles; more raise


@dataclass(frozen=True)
class Loops:
    """What helpers of loops (``progress``, ``logging_handler``, ``run``) hold and how often."""

    progress_seconds: float = 0.1  # between two drawings of a bar
    bars: int = 64  # streams of bars; beyond it that of the one that ended first is closed
    queued: int = 10_000  # rows handed to the writer thread; further ones are dropped, counted
    status_seconds: float = 1.0  # between two tellings of how it is with a run
    config_chars: int = 65_536  # of a run's config, and of its summary; the rest is left out, told
    message_chars: int = 8_192  # of a log record, and of its traceback; the rest is cut, and told
    exit_seconds: float = 1.0  # at interpreter exit, for that thread to push them


@dataclass(frozen=True)
class Viewing:
    """The Python viewer's side of one connection."""

    window_bytes: int = 1 * MIB  # per stream: payloads that the loop over ``watch`` has not taken
    # Of any kind, between the connection and that loop; when full the socket is not read.
    handover_items: int = 10_000
    frame_bytes: int = 64 * MIB  # a larger WebSocket message closes the connection
    door_seconds: float = 10.0  # for a ticket, and again for the handshake
    retry_seconds: float = 0.5  # full jitter up to this, doubled with each attempt ...
    retry_cap_seconds: float = 10.0  # ... up to this
    healthy_seconds: float = 30.0  # after so long connected the attempts are counted anew


@dataclass(frozen=True)
class Limits:
    """All of them, as the server is built with."""

    inbound: Inbound = field(default_factory=Inbound)
    rates: Rates = field(default_factory=Rates)
    connections: Connections = field(default_factory=Connections)
    transport: Transport = field(default_factory=Transport)
    history: HistoryBounds = field(default_factory=HistoryBounds)
    memory: Memory = field(default_factory=Memory)
    doors: Doors = field(default_factory=Doors)
    links: Links = field(default_factory=Links)
    lifetime: Lifetime = field(default_factory=Lifetime)
