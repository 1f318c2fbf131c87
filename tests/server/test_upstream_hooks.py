"""What of python-socketio, python-engineio and tornado we stand on beyond their documentation.

Each test fails where an upgrade takes a hook away or changes what it does. The list with the
reasons stands at the head of ``jupyter_sio/server/router.py``.
"""

from __future__ import annotations

import inspect
import socket

import engineio
import pytest
import socketio
from engineio.async_socket import AsyncSocket
from socketio import AsyncManager, AsyncNamespace, AsyncServer
from socketio.packet import Packet
from tornado.iostream import IOStream, StreamClosedError
from tornado.websocket import WebSocketProtocol13

from jupyter_sio.limits import Limits
from jupyter_sio.server import session
from jupyter_sio.server.rooms import Rooms
from jupyter_sio.server.router import Router
from jupyter_sio.server.session import Session


@pytest.fixture
def plain():
    """python-socketio's own server."""
    return AsyncServer(async_mode="tornado", transports=["websocket"], cors_allowed_origins=[])


def test_a_packet_class_is_taken_and_asked_to_decode():
    class Noted(Packet):
        def decode(self, encoded_packet):
            assert self.attachments == []
            self.noted = encoded_packet
            return 3

    server = AsyncServer(async_mode="tornado", serializer=Noted)
    assert server.packet_class is Noted
    packet = server.packet_class(encoded_packet="text")
    assert (packet.noted, packet.attachment_count) == ("text", 3)
    kinds = ("CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK")
    assert [getattr(socketio.packet, kind) for kind in kinds] == list(range(7))


def test_a_socket_has_these_attributes_and_no_others(plain):
    assert set(vars(AsyncSocket(plain.eio, "s"))) == {
        *("server", "sid", "queue", "last_ping", "connected", "upgrading", "upgraded"),
        *("closing", "closed", "session"),
    }


def test_our_socket_replaces_whatever_of_a_socket_is_called_from_outside():
    theirs = {name for name in vars(AsyncSocket) if not name.startswith("__")}
    ours = {"receive", "send", "close"}
    # by python-engineio's own reader, writer and polling, which are never started
    never = {
        *("poll", "check_ping_timeout", "handle_get_request", "handle_post_request"),
        *("schedule_ping", "_send_ping", "_upgrade_websocket", "_websocket_handler"),
    }
    assert theirs == ours | never
    assert ours <= set(vars(Session))
    for name in ("send", "close"):
        wanted = inspect.signature(getattr(AsyncSocket, name)).parameters
        assert list(inspect.signature(getattr(Session, name)).parameters) == list(wanted)


class Fake:
    """As much of a session as engineio looks at."""

    closed = False
    upgraded = True

    def __init__(self):
        self.session = {}
        self.calls = []

    async def send(self, packet):
        self.calls.append(("send", packet.encode()))

    async def close(self, **kwargs):
        self.calls.append(("close", kwargs))


async def test_engineio_finds_our_sessions_in_its_table(plain):
    fake = plain.eio.sockets["e"] = Fake()
    assert plain.eio.transport("e") == "websocket"
    assert await plain.eio.get_session("e") is fake.session
    await plain.eio.send("e", "text")
    await plain.eio.disconnect("e")
    assert fake.calls == [("send", "4text"), ("close", {"reason": "server disconnect"})]
    fake.closed, plain.eio.sockets["e"] = True, fake
    with pytest.raises(KeyError):
        plain.eio._get_socket("e")


async def test_a_session_is_found_by_way_of_the_managers_rooms(plain):
    plain.eio.sockets["e"] = Fake()
    plain.environ["e"] = {"x": 1}
    plain.manager.basic_enter_room("s", "/a", None, eio_sid="e")
    assert plain.manager.rooms == {"/a": {None: {"s": "e"}}}
    assert plain.manager.eio_sid_from_sid("s", "/a") == "e"
    async with plain.session("s", namespace="/a") as kept:
        kept["y"] = 2
    assert await plain.get_session("s", namespace="/a") == {"y": 2}
    assert plain.get_environ("s", namespace="/a") == {"x": 1}
    assert plain.transport("s", namespace="/a") == "websocket"


async def test_rooms_are_entered_left_and_closed_by_way_of_the_basic_methods(plain, monkeypatch):
    called = []
    for name in ("basic_enter_room", "basic_leave_room", "basic_close_room", "get_rooms"):
        note = lambda *args, name=name, **kwargs: called.append((name, args))  # noqa: E731
        monkeypatch.setattr(plain.manager, name, note)
    await plain.enter_room("s", "r", namespace="/a")
    await plain.leave_room("s", "r", namespace="/a")
    await plain.close_room("r", namespace="/a")
    plain.rooms("s", namespace="/a")
    assert called == [
        ("basic_enter_room", ("s", "/a", "r")),
        ("basic_leave_room", ("s", "/a", "r")),
        ("basic_close_room", ("r", "/a")),
        ("get_rooms", ("s", "/a")),
    ]


def test_our_rooms_answer_for_every_table_of_the_manager():
    """Nothing of python-socketio's manager writes to a table that ``rooms.py`` does not know."""
    tables = set(vars(AsyncManager()))
    assert tables == {
        *("logger", "server", "rooms", "eio_to_sid", "callbacks", "json"),
        *("pending_connect", "pending_disconnect"),
    }
    public = {name for name in dir(AsyncManager) if not name.startswith("_")}
    ours = {
        *("basic_enter_room", "basic_leave_room", "basic_close_room", "basic_disconnect"),
        *("emit", "get_participants", "get_rooms", "is_connected"),
    }
    stands_on_ours = {"enter_room", "leave_room", "close_room", "disconnect", "can_disconnect"}
    reads_only = {"eio_sid_from_sid", "sid_from_eio_sid", "get_namespaces", "is_sid_room"}
    never_called = {"connect", "pre_connect", "is_pre_connected", "pre_disconnect"}
    never_called |= {"trigger_callback"}
    beginning = {"initialize", "set_server"}
    assert public == ours | stands_on_ours | reads_only | never_called | beginning
    assert ours <= set(vars(Rooms))


@pytest.mark.parametrize(
    "name", ["emit", "call", "disconnect", "on", "register_namespace", "shutdown"]
)
def test_our_methods_take_what_python_socketios_take(name):
    theirs = inspect.signature(getattr(AsyncServer, name)).parameters
    ours = inspect.signature(getattr(Router, name)).parameters
    assert list(ours) == list(theirs)
    assert [p.default for p in ours.values()] == [p.default for p in theirs.values()]


def test_nothing_new_in_the_server_goes_past_us(plain):
    """A handler of python-socketio's that we do not know of could open a second way in."""
    private = {name for name in dir(AsyncServer) if name.startswith(("_handle", "_trigger"))}
    assert private == {
        *("_handle_ack", "_handle_connect", "_handle_disconnect", "_handle_event"),
        *("_handle_eio_connect", "_handle_eio_disconnect", "_handle_eio_message"),
        *("_handle_event_internal", "_trigger_event"),
    }
    assert set(plain.eio.handlers) == {"connect", "message", "disconnect"}


async def test_a_door_of_engineios_own_stays_shut(server):
    router = server.router
    assert await router.eio._trigger_event("connect", "e", {}, run_async=False) is False
    assert server.state() == [0] * 9


async def test_a_class_based_namespace_stands_on_the_servers_methods(server, monkeypatch):
    called = []

    async def emit(*args, **kwargs):
        called.append((args, kwargs))

    monkeypatch.setattr(server.router, "emit", emit)
    chat = AsyncNamespace("/chat")
    server.router.register_namespace(chat)
    assert chat.server is server.router and chat.namespace == "/chat"
    await chat.emit("x", 1)
    await server.router.send("y", namespace="/chat")
    assert [kwargs["namespace"] for _, kwargs in called] == ["/chat", "/chat"]
    assert inspect.iscoroutinefunction(AsyncNamespace.trigger_event)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ((), {"message": "Connection rejected by server"}),
        (("no",), {"message": "no"}),
        (("no", {"a": 1}), {"message": "no", "data": {"a": 1}}),
        (("no", 1, 2), {"message": "no", "data": (1, 2)}),
    ],
)
def test_a_refusal_keeps_what_it_was_raised_with(args, told):
    assert socketio.exceptions.ConnectionRefusedError(*args).error_args == told


def test_the_reasons_are_worded_as_python_engineio_words_them():
    reasons = engineio.Server.reason
    for name in ("CLIENT_DISCONNECT", "SERVER_DISCONNECT", "PING_TIMEOUT"):
        assert getattr(session, name) == getattr(reasons, name)
    assert session.TRANSPORT_CLOSE == reasons.TRANSPORT_CLOSE
    assert session.TRANSPORT_ERROR == reasons.TRANSPORT_ERROR


def test_call_needs_what_we_pass_and_the_limits_reach_engineio():
    import logging

    router = Router(limits=Limits(), log=logging.getLogger("x"))
    assert router.async_handlers and not router.always_connect
    assert router.eio.ping_interval == 25 and not router.eio.start_service_task


async def test_tornados_stream_tells_what_lies_in_its_buffer_and_what_has_left_it():
    ours, theirs = socket.socketpair()
    stream = IOStream(ours)
    stream.write(b"x" * 10)
    assert (len(stream._write_buffer), stream._total_write_done_index) == (0, 10)
    future = stream.write(b"x" * 10_000_000)
    left = stream._total_write_done_index
    assert 10 < left < 10_000_010 and len(stream._write_buffer) == 10_000_010 - left
    assert not future.done()
    stream.close()
    theirs.close()
    with pytest.raises(StreamClosedError):
        await future


def test_tornado_closes_by_a_frame_on_the_same_stream():
    assert list(inspect.signature(WebSocketProtocol13.close).parameters) == [
        *("self", "code", "reason")
    ]


def test_tornado_calls_its_own_close_with_1009_after_the_header_was_read():
    """``BoundedProtocol`` stands on it."""
    source = inspect.getsource(WebSocketProtocol13._receive_frame)
    header, _, rest = source.partition("self.close(1009, ")
    assert header.count("self._read_bytes(") == 3 and "self._read_bytes(payloadlen)" in rest
    assert list(inspect.signature(WebSocketProtocol13._read_bytes).parameters) == ["self", "n"]
    assert "_fragmented_message_buffer" in header
