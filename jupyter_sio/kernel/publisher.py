"""The publisher: this process's claim on its kernel's namespace, and all that goes through it.

Source: protocol.md §3 (claim), §5; api.md §1.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from jupyter_sio import limits
from jupyter_sio.errors import (
    CallFailed,
    CallTimeout,
    Code,
    NotConnected,
    NotPermitted,
    Overflow,
    SioError,
)
from jupyter_sio.kernel.discovery import Kernel, Server, find_kernel, find_server
from jupyter_sio.kernel.handlers import Handlers, Thread
from jupyter_sio.kernel.interrupts import HeldBack, release_inherited
from jupyter_sio.kernel.share import Link as ShareLink
from jupyter_sio.kernel.stream import Options, Stream
from jupyter_sio.kernel.viewers import Viewer, viewer_id
from jupyter_sio.protocol.links import seconds_of
from jupyter_sio.protocol.messages import (
    ARROW,
    Emit,
    Event,
    Message,
    Mode,
    Revoke,
    Room,
    Share,
    Viewers,
    check_event_name,
)
from jupyter_sio.protocol.outbox import Policy

if TYPE_CHECKING:
    from jupyter_sio.kernel.link import Link
    from jupyter_sio.kernel.mirror import Mirror

log = logging.getLogger("jupyter_sio")

F = TypeVar("F", bound=Callable[..., Any])
_ANSWER_SECONDS = 10.0


class PublisherStatistics(NamedTuple):
    """What became of a publisher's events; rows are counted by each stream.

    ``events_dropped`` were emitted without a server or into a full queue; ``events_refused``
    came from viewers faster than handlers took them; ``crashes`` of the link's thread.
    """

    online: bool
    streams: int
    reconnects: int
    events_dropped: int
    events_refused: int
    crashes: int


class Publisher:
    """One process's streams and events. Everything is safe from any thread."""

    def __init__(self, bounds: limits.Link | None = None) -> None:
        self._bounds = bounds or limits.Link()
        self._streams: dict[str, Stream] = {}
        self._handlers = Handlers(self._bounds)
        self._mirrors: dict[str, Mirror] = {}
        self._link: Link | None = None
        self._lock = threading.Lock()
        self._dropped = 0
        self._told: str | None = None
        self._muted = False
        self._connecting = False
        self.tried = False  # to connect: the first stream does, later ones live with the outcome
        self.epoch = os.urandom(8).hex()
        self.kernel_id: str | None = None
        self.server_url: str | None = None
        _publishers.add(self)

    def __repr__(self) -> str:
        where = "online" if self.online else "offline"
        return f"<Publisher of kernel {self.kernel_id}, {where}, {len(self._streams)} streams>"

    # --- connecting --------------------------------------------------------------------------

    @property
    def online(self) -> bool:
        """Whether the server has this publisher in its namespace right now."""
        return self._link is not None and self._link.online

    @property
    def sending(self) -> bool:
        """Whether rows have somewhere to go, now or after a reconnect; else they are counted."""
        return self._link is not None and self._link.alive

    def connect(
        self,
        *,
        url: str | None = None,
        ticket: str | Mapping[str, Any] | None = None,
        timeout: float = 10.0,
        required: bool = False,
    ) -> Publisher:
        """Claim this kernel's namespace; does nothing where that is done.

        ``ticket`` is what ``POST tickets`` answered, for a kernel whose server cannot be found
        from here. Without a server: one warning, and pushes are counted, not sent.

        Raises
        ------
        NotConnected
            With ``required=True``, if the namespace was not joined within ``timeout`` seconds.
        """
        self._connecting = True
        try:
            problem = self._connect(url, ticket, timeout)
        finally:
            self._connecting = False
            self.tried = True
        if problem is not None and required:
            raise NotConnected(problem)
        if problem is not None:
            self._tell(problem)
        return self

    def _connect(
        self, url: str | None, ticket: str | Mapping[str, Any] | None, timeout: float
    ) -> str | None:
        """Start a link unless there is one, and wait for it; returns what is wrong with it."""
        with self._lock:
            if self._muted:
                self._begin_in_child()
            problem = None if self.sending else self._start(url, ticket)
        link = self._link
        if problem is not None or link is None:
            return problem
        link.settled.wait(timeout)
        return self._problem(link, timeout)

    def _start(self, url: str | None, ticket: str | Mapping[str, Any] | None) -> str | None:
        """Start a link; returns why there can be none."""
        kernel = find_kernel()
        server = Server.at(url) if url is not None else find_server()
        secret, kernel_id = _ticket_of(ticket, url, kernel)
        if server is None:
            what = "this is no Jupyter kernel" if kernel is None else "no Jupyter server started it"
            return f"no Jupyter server to send to: {what}. Pushes are counted, not sent"
        if kernel_id is None or (kernel is None and secret is None):
            return (
                "this process is no Jupyter kernel, so it has no namespace to publish in; pass "
                "connect(url=…, ticket=…), ticket as POST tickets answered it. Pushes are "
                "counted, not sent"
            )
        # Imported here: whoever has no server need not wait for it.
        from jupyter_sio.kernel.door import Door
        from jupyter_sio.kernel.link import Link

        self.kernel_id, self.server_url = kernel_id, server.url
        door = Door(server, kernel, self.epoch, kernel_id, secret)
        self._link = Link(door, self, self._current_streams, bounds=self._bounds)
        self._link.start()
        return None

    def _problem(self, link: Link, timeout: float) -> str | None:
        if link.online or (link.settled.is_set() and link.alive):
            return None
        if link.alive:
            return (
                f"the Jupyter server at {self.server_url} did not answer within {timeout:g} s "
                f"({link.error or 'no error yet'}); trying goes on, rows are kept meanwhile"
            )
        return f"{link.error}. Pushes are counted, not sent"

    def _tell(self, problem: str) -> None:
        """Warn, but not twice of the same."""
        if self._told != problem:
            self._told = problem
            warnings.warn(f"jupyter_sio: {problem}", RuntimeWarning, stacklevel=_callers_level())

    def _current_streams(self) -> list[Stream]:
        return list(self._streams.values())

    # --- streams -----------------------------------------------------------------------------

    def stream(
        self,
        name: str,
        *,
        columns: Mapping[str, object] | None = None,
        media: str = ARROW,
        mode: Mode = "every",
        history: limits.HistoryBounds | None = None,
        overflow: Policy = "drop_oldest",
    ) -> Stream:
        """Get the stream of that name, or make it; asked for otherwise than it is, it begins anew.

        Parameters
        ----------
        name : str
            At most 128 bytes; a link's globs match it.
        columns : mapping, optional
            Names and types, as ``{"step": "int64", "loss": "float64"}``. Without it types come from
            the rows: int64 widens to float64, a new key adds a column, a missing one is null. With
            it, a wrong name or type raises at the push.
        media : str
            What a row is: of a table, as Arrow; any JSON value, ``application/x-ndjson``; an image,
            ``image/png`` or ``image/jpeg``; or bytes, ``application/octet-stream``.
        mode : {"every", "latest"}
            ``every``: a viewer is owed every row. ``latest``: it is sent the newest only, as of a
            gauge or a camera.
        history : History, optional
            What the server keeps, if not as much as it does of itself.
        overflow : {"drop_oldest", "block", "raise"}
            When 16 MiB wait because the server takes rows slower than they come: tell viewers a
            gap, have ``push`` wait, or have it raise.

        Raises
        ------
        RowError
            If a column is declared as what there is not.
        BadRequest
            If ``media``, ``mode`` or ``overflow`` is none of those there are.
        """
        options = Options(dict(columns) if columns else None, media, mode, history, overflow)
        with HeldBack(), self._lock:
            held = self._streams.get(name)
            if held is not None and options in (held.options, Options()):
                return held
            if held is None and len(self._streams) >= limits.Memory.streams:
                raise Overflow(f"a kernel may have {limits.Memory.streams} streams; close some")
            stream = held or Stream(self, name, options)
            if held is not None:
                held.begin_anew(options)
            self._streams[name] = stream
        self.hurry()
        return stream

    def hurry(self) -> None:
        """Send what can be sent now, without waiting; or have it sent soon."""
        if (link := self._link) is not None:
            link.hurry()

    def expect(self, due: float) -> None:
        """Have rows flushed that are gathered now, when they are ``due``."""
        if (link := self._link) is not None:
            link.expect(due)

    def end_stream(self, stream: Stream) -> None:
        """Send what is left of a closed stream, then end it; its name is free at once."""
        if self._streams.get(stream.name) is stream:
            del self._streams[stream.name]
        if (link := self._link) is not None and link.alive:
            link.end(stream)

    # --- events ------------------------------------------------------------------------------

    def emit(self, event: str, *args: Any, to: Viewer | str | None = None) -> None:
        """Send an event to all viewers, to one, or to a room; at most once, never waits.

        Rows pushed before by the same thread go first.

        Raises
        ------
        BadRequest
            If the event's name is not a user's, or an argument cannot travel.
        """
        self._send(Emit(check_event_name(event), viewer_id(to), arguments=_plain(args)))

    def call(self, event: str, *args: Any, to: Viewer | str, timeout: float = 10.0) -> Any:
        """Ask one viewer; returns its answer.

        Raises
        ------
        CallTimeout
            If it did not answer in time.
        CallFailed
            If it is not there, left, or refused.
        NotConnected
            If there is no server to ask through.
        """
        message = Emit(check_event_name(event), viewer_id(to), arguments=_plain(args))
        answer = self._ask(message, timeout)
        if "sent" in answer:
            raise CallFailed(f"{viewer_id(to)!r} is no viewer here", code=Code.PUBLISHER_OFFLINE)
        return answer.get("value")

    def on(self, event: str, *, thread: Thread | None = None) -> Callable[[F], F]:
        """Handle a viewer's event: ``def handler(*args, viewer)``; what it returns answers.

        Runs in a worker thread, also while a cell runs; with ``thread="main"`` on the main
        thread, when no cell is busy there or the cell calls ``drain``. One handler per event.
        """
        check_event_name(event)
        if thread not in (None, "main"):
            raise ValueError(f"thread must be None or 'main'; got {thread!r}")

        def add(function: F) -> F:
            self._handlers.add(event, function, thread)
            return function

        return add

    def drain(self) -> int:
        """Run the handlers that wait for the main thread, here; returns how many."""
        return self._handlers.drain()

    def wait_for(self, event: str, timeout: float | None = None) -> Any:
        """Wait until a viewer sends ``event``; Ctrl-C interrupts.

        Returns what was sent: one argument as itself, several as a tuple, none as None.

        Raises
        ------
        TimeoutError
            If none did within ``timeout`` seconds.
        """
        arguments = self._handlers.wait_for(check_event_name(event), timeout)
        if len(arguments) > 1:
            return arguments
        return arguments[0] if arguments else None

    # --- viewers -----------------------------------------------------------------------------

    def viewers(self) -> list[Viewer]:
        """List who watches; nobody, where there is no server."""
        if not self.sending:
            return []
        found = self._ask(Viewers(), _ANSWER_SECONDS)
        return [Viewer.read(entry) for entry in found]

    def join(self, viewer: Viewer | str, room: str) -> None:
        """Put a viewer into a room, for ``emit(…, to=room)``. Raises as ``call`` does."""
        self._ask(Room(str(viewer_id(viewer)), room, join=True), _ANSWER_SECONDS)

    def leave(self, viewer: Viewer | str, room: str) -> None:
        """Take a viewer out of a room. Raises as ``call`` does."""
        self._ask(Room(str(viewer_id(viewer)), room, join=False), _ANSWER_SECONDS)

    def share(
        self,
        *streams: Stream | str,
        send: tuple[str, ...] = (),
        expires: float | str = "24h",
        label: str = "",
    ) -> ShareLink:
        """Make a read-only link to the named streams (globs; none = all).

        ``send`` names events that its holders may send; ``expires`` is seconds or text such as
        ``"45s"``, ``"90m"``, ``"24h"``, ``"7d"``.

        Raises
        ------
        BadRequest
            If ``expires`` is no duration.
        NotPermitted
            If links are off on this server.
        """
        seconds_of(expires)
        globs = tuple(s.name if isinstance(s, Stream) else str(s) for s in streams)
        events = (send,) if isinstance(send, str) else tuple(send)
        answer = self._ask(Share(globs, events, expires, label), _ANSWER_SECONDS)
        return ShareLink.read(answer, self.server_url or "", self._revoke)

    def _revoke(self, link_id: str) -> None:
        self._ask(Revoke(link_id), _ANSWER_SECONDS)

    def mirror(self, widget: Any, *traits: str, name: str | None = None) -> Mirror:
        """Let viewers see an ipywidget, and those who may ``send`` set it; also while a cell runs.

        ``traits`` are those that may be set (``"click"`` for a button); none given: ``value``,
        ``index``, ``selected_index`` and clicks. ``name`` is the widget's ``description`` unless
        given; another widget under the same name takes its place. What viewers set is validated by
        the widget, in a worker thread; who asked for what cannot be is told why.

        Raises
        ------
        TypeError
            If it is no ipywidget.
        ValueError
            If it is closed, or has none of such a trait.
        """
        from jupyter_sio.kernel.mirror import Mirror, check, name_of

        check(widget, traits)
        with self._lock:
            name = name or name_of(widget, self._mirrors)
            former = self._mirrors.pop(name, None)
        if former is not None:
            former.let_go()
        mirror = self._mirrors[name] = Mirror(self, widget, traits, name)
        return mirror

    # --- sending -----------------------------------------------------------------------------

    def _send(
        self, message: Message, answer: Callable[[list[Any] | None], None] | None = None
    ) -> Any:
        self.notice()
        link = self._link
        if link is None or not link.alive:
            self._dropped += 1
            return None
        return link.send(message, answer=answer, after=self._hand_over())

    def _hand_over(self) -> list[tuple[Stream, str, int]]:
        """Make payloads of all rows gathered; returns what an event is to come after."""
        with HeldBack():
            sealed = [(stream, stream.epoch, stream.seal()) for stream in self._current_streams()]
        return [(s, epoch, offset) for s, epoch, offset in sealed if not s.sent(epoch, offset)]

    def _ask(self, message: Message, timeout: float) -> Any:
        """Send a message and wait for its answer."""
        box: list[list[Any] | None] = []
        came = threading.Event()

        def answer(args: list[Any] | None) -> None:
            box.append(args)
            came.set()

        outgoing = self._send(message, answer)
        if outgoing is None and self.sending:
            raise Overflow(
                f"{limits.Link.queued_events} events wait to be sent; {message.name} was not"
            )
        if outgoing is None:
            raise NotConnected("there is no Jupyter server to ask; see the warning of connect()")
        if not came.wait(timeout):
            outgoing.cancelled = True
            raise CallTimeout(f"{message.name} was not answered within {timeout:g} s")
        if box[0] is None:
            raise NotConnected("the connection to the server was lost before the answer came")
        found = box[0][0] if box[0] else None
        if isinstance(found, dict) and found.get("ok") is False:
            raise _refusal(found)
        return {} if found is None else found

    # --- what the link tells -----------------------------------------------------------------

    def event_came(self, event: Event, answer: Callable[[dict[str, Any]], None]) -> None:
        """Have a viewer's event handled."""
        self._handlers.take(event, answer)

    def link_ended(self, reason: Exception) -> None:
        """Say that what is pushed goes nowhere from now on."""
        if not self._connecting:  # else connect() says so
            log.warning("the publisher is offline: %s. Pushes are counted, not sent", reason)

    # --- looking -----------------------------------------------------------------------------

    def statistics(self) -> PublisherStatistics:
        """Count; see ``PublisherStatistics``."""
        link = self._link
        return PublisherStatistics(
            online=self.online,
            streams=len(self._streams),
            reconnects=link.reconnects if link else 0,
            events_dropped=self._dropped + (link.events_dropped if link else 0),
            events_refused=self._handlers.refused,
            crashes=link.crashes if link else 0,
        )

    # --- exit and fork -----------------------------------------------------------------------

    def close(self, timeout: float = limits.Link.exit_seconds) -> None:
        """Hand over what is left, within ``timeout`` seconds, and disconnect."""
        link, deadline = self._link, monotonic() + timeout
        if link is None:
            return
        for stream in self._current_streams():
            stream.flush(max(0.0, deadline - monotonic()))
        while link.online and not link.idle and monotonic() < deadline:
            time.sleep(0.005)
        link.stop(max(0.05, deadline - monotonic()))
        self._link = None

    def notice(self) -> None:
        """Warn in a forked child, once, that what is pushed goes nowhere."""
        if self._muted:
            self._tell(
                "this process was forked from the kernel: its pushes are counted, not sent. "
                "Call sio.connect() here if it is to publish instead of the kernel"
            )

    def forked(self) -> None:
        """Be muted in a forked child: the link's thread is not here, its sockets the parent's."""
        self._lock = threading.Lock()
        link, self._link = self._link, None
        if link is not None:
            link.abandon()
        self._handlers.renew()
        self._muted = True
        self._told = None
        for stream in self._streams.values():
            stream.forked()

    def _begin_in_child(self) -> None:
        self._muted = False
        self.epoch = os.urandom(8).hex()
        for stream in self._streams.values():
            stream.forked()


def _callers_level() -> int:
    """Count the frames up to the first that is not ours: the user's line, where warnings point."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    return level


_PACKAGE = "jupyter_sio."


def _ticket_of(
    ticket: str | Mapping[str, Any] | None, url: str | None, kernel: Kernel | None
) -> tuple[str | None, str | None]:
    """Read a ticket, and for which kernel: as it says itself, the URL's ``#…``, or this one."""
    kernel_id = kernel.kernel_id if kernel is not None else None
    if url is not None and "#" in url:
        kernel_id = url.partition("#")[2]
    if isinstance(ticket, Mapping):
        return str(ticket["ticket"]), str(ticket.get("kernel_id") or kernel_id)
    return ticket, kernel_id


def _refusal(answer: Mapping[str, Any]) -> SioError:
    code, message = answer.get("code"), str(answer.get("message") or "refused")
    number = code if isinstance(code, int) else int(Code.INTERNAL_ERROR)
    if number in (Code.NOT_PERMITTED, Code.BAD_CREDENTIAL, Code.LINK_REVOKED):
        return NotPermitted(message, code=number)
    return CallFailed(message, code=number)


def _plain(value: Any) -> Any:
    """Make numpy's, torch's and jax's scalars within an event's arguments Python's own."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return tuple(map(_plain, value)) if isinstance(value, tuple) else list(map(_plain, value))
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "shape", None) == () else value


# --- exit and fork, for all of them ------------------------------------------------------------

_publishers: weakref.WeakSet[Publisher] = weakref.WeakSet()


def _at_exit() -> None:
    for publisher in list(_publishers):
        publisher.close()


def _after_fork_in_child() -> None:
    release_inherited()
    for publisher in list(_publishers):
        publisher.forked()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
