"""Dynamic namespaces through real sockets: who gets in, what they hear, and what is left over."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import importlib.util
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import socketio

from jupyter_sio.errors import BadRequest, Code, PatternError, Refused
from jupyter_sio.protocol.grants import Access
from jupyter_sio.protocol.messages import Grant
from jupyter_sio.protocol.names import Namespace, parse
from jupyter_sio.server import PatternNamespace, router_of
from jupyter_sio.server.handlers import Route
from tests.server.conftest import body, limited, until

NOTHING = [0] * 9


def let_in(*args):
    """A connect handler that accepts."""


def spy(router, event, namespace, answer=None):
    """Register a handler that notes how it was called."""
    calls = []

    async def handler(*args):
        calls.append(args)
        return answer

    router.on(event, handler, namespace=namespace)
    return calls


async def refusal(server, name, auth=""):
    """Ask for a namespace; return what was answered after CONNECT_ERROR."""
    peer = await server.peer()
    peer.send(f"40{name},{auth}")
    answer = await peer.read()
    assert answer.startswith(f"44{name},"), answer
    return json.loads(answer[len(f"44{name},") :])


async def ask(peer, namespace, *event, number=1):
    """Send an event and return the arguments of its answer."""
    peer.send(f"42{namespace},{number}{json.dumps(event)}")
    answer = await peer.read()
    assert answer.startswith(f"43{namespace},{number}["), answer
    return body(answer[len(f"43{namespace},{number}") :])


# --- which handler ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["/", "/a", "/courses/1", "/kernels", "/kernels/1", "/kernelsx"])
async def test_nothing_is_open_by_default(server, name):
    wanted = {"message": "no such namespace", "data": {"code": 3507}}
    name = "" if name == "/" else name
    if name:
        assert await refusal(server, name) == wanted
    else:
        peer = await server.peer()
        peer.send("40")
        assert await peer.read() == "44" + json.dumps(wanted, separators=(",", ":"))


async def test_a_pattern_without_a_connect_handler_stays_closed(server):
    spy(server.router, "message", "/courses/*")
    assert (await refusal(server, "/courses/1"))["data"] == {"code": 3507}


@pytest.mark.parametrize(
    ("name", "winner", "params"),
    [
        ("/courses/new", "/courses/new", None),
        ("/courses/7", "/courses/{n:int}", {"n": 7}),
        ("/courses/x", "/courses/{course_id}", {"course_id": "x"}),
        ("/labs/x", "/labs/*", {}),
        ("/labs/x/y", "/labs/**", {}),
        ("/room-5/x", "regex", {"number": "5"}),
        ("/zzz", "/*", {}),
        ("/a/b/c", "/**", {}),
    ],
)
async def test_the_most_specific_pattern_decides(server, name, winner, params):
    regex = re.compile(r"/room-(?P<number>\d+)/x")
    literal = "/courses/new"
    patterns = ["/*", "/**", "/labs/*", "/labs/**", "/courses/{course_id}", "/courses/{n:int}"]
    calls = {"regex": spy(server.router, "connect", regex)}
    calls |= {p: spy(server.router, "connect", p) for p in (*patterns, literal)}
    peer = await server.peer()
    sid = await peer.join(name, '{"t":1}')
    assert [p for p, seen in calls.items() if seen] == [winner]
    (args,) = calls[winner]
    if winner == literal:
        assert args == (sid, server.sessions()[0].environ, {"t": 1})
    else:
        assert args == (name, sid, server.sessions()[0].environ, {"t": 1})
        assert args[0].params == params


async def test_events_go_to_the_pattern_that_let_the_client_in(server):
    spy(server.router, "connect", "/courses/*")
    general = spy(server.router, "message", "/courses/*", "general")
    special = spy(server.router, "message", "/courses/{id:int}", "special")
    peer = await server.join("/courses/7")
    assert await ask(peer, "/courses/7", "message", 1) == ["general"]
    assert general[0][0] == "/courses/7" and general[0][2:] == (1,) and not special


async def test_a_catch_all_of_events_is_told_the_event_first(server):
    for namespace in ("/lit", "/pat/{x}"):
        spy(server.router, "connect", namespace)
    literal = spy(server.router, "*", "/lit")
    pattern = spy(server.router, "*", "/pat/{x}")
    peer = await server.peer()
    sids = [await peer.join("/lit"), await peer.join("/pat/1")]
    assert await ask(peer, "/lit", "e", 1) == []
    assert await ask(peer, "/pat/1", "e", 2) == []
    assert literal == [("e", sids[0], 1)]
    assert pattern == [("e", "/pat/1", sids[1], 2)]
    assert pattern[0][1].params == {"x": "1"}


async def test_a_catch_all_never_hears_of_connect_and_disconnect(server):
    seen = spy(server.router, "*", "/a")
    spy(server.router, "connect", "/a")
    peer = await server.join("/a")
    peer.send("41/a,")
    await until(lambda: not server.router.manager.clients)
    assert seen == []


async def test_handlers_without_auth_and_reason_are_called_without(server):
    seen = []
    server.router.on("connect", lambda sid, environ: seen.append(sid), namespace="/lit")
    server.router.on("disconnect", lambda sid: seen.append(sid), namespace="/lit")
    server.router.on("connect", lambda ns, sid, environ: seen.append(ns), namespace="/*")
    server.router.on("disconnect", lambda ns, sid: seen.append(ns), namespace="/*")
    peer = await server.peer()
    sid = await peer.join("/lit", '{"t":1}')
    await peer.join("/x")
    peer.send("41/lit,", "41/x,")
    await until(lambda: len(seen) == 4)
    assert seen == [sid, "/x", sid, "/x"]


async def test_a_class_serves_every_namespace_that_matches(server):
    class Courses(PatternNamespace):
        pattern = "/courses/{course_id}"

        async def on_connect(self, namespace, sid, environ, auth):
            await self.enter_room(sid, "all", namespace=namespace)

        async def on_message(self, namespace, sid, data):
            await self.emit("message", data, room="all", namespace=namespace)
            return namespace.params["course_id"]

        def on_disconnect(self, namespace, sid, reason):
            left.append((namespace, reason))

    left = []
    server.router.register_namespace(Courses())
    peer = await server.join("/courses/7")
    peer.send('42/courses/7,1["message","hi"]')
    assert await peer.read() == '42/courses/7,["message","hi"]'
    assert await peer.read() == '43/courses/7,1["7"]'
    assert await ask(peer, "/courses/7", "nothing") == [
        {"ok": False, "code": 3506, "message": "no such handler"}
    ]
    peer.send("41/courses/7,")
    await until(lambda: left == [("/courses/7", "client disconnect")])


async def test_a_class_for_patterns_must_be_told_which_namespace(server):
    class Everything(PatternNamespace):
        pattern = "/**"

    everything = Everything()
    server.router.register_namespace(everything)
    with pytest.raises(TypeError, match="say which one, with namespace="):
        await everything.emit("x")
    with pytest.raises(PatternError, match="class attribute 'pattern'"):
        PatternNamespace()


async def test_python_socketios_own_class_serves_a_literal_namespace(server):
    class Chat(socketio.AsyncNamespace):
        def on_connect(self, sid, environ): ...

        async def on_message(self, sid, data):
            await self.emit("message", data)

    server.router.register_namespace(Chat("/chat"))
    peer = await server.join("/chat")
    peer.send('42/chat,["message","hi"]')
    assert await peer.read() == '42/chat,["message","hi"]'


async def test_a_class_that_takes_every_event_itself_is_asked_for_each(server):
    class Everything(PatternNamespace):
        pattern = "/any/*"

        async def trigger_event(self, event, *args):
            seen.append((event, args[0]))
            return True

    seen = []
    server.router.register_namespace(Everything())
    peer = await server.join("/any/1")
    assert await ask(peer, "/any/1", "whatever") == [True]
    assert seen == [("connect", "/any/1"), ("whatever", "/any/1")]


def test_what_is_no_class_of_handlers_is_refused(server):
    for wrong in (object(), socketio.Namespace("/a")):
        with pytest.raises(ValueError, match="an AsyncNamespace is needed"):
            server.router.register_namespace(wrong)


def test_a_handler_whose_signature_nobody_knows_is_given_everything():
    route = Route(parse("/a"))
    route.handlers["connect"] = max
    assert route.bind("connect", Namespace("/a"), "s")("t", "u") == "u"


async def test_a_class_without_on_connect_stays_closed(server):
    server.router.register_namespace(socketio.AsyncNamespace("/chat"))
    assert (await refusal(server, "/chat"))["data"]["code"] == 3507


# --- registration ----------------------------------------------------------------------------


@pytest.mark.parametrize("namespace", ["/a", "/*", "/**", "/a/{x}", re.compile("/a")])
def test_a_second_handler_of_the_same_event_is_refused(server, namespace):
    server.router.on("connect", let_in, namespace=namespace)
    server.router.on("message", let_in, namespace=namespace)
    with pytest.raises(PatternError, match=r"has a handler for .* already"):
        server.router.on("connect", namespace=namespace)


def test_a_pattern_that_differs_in_names_only_is_refused(server):
    server.router.on("connect", let_in, namespace="/a/{x}")
    with pytest.raises(PatternError, match=r"same names as '/a/\{x\}'"):
        server.router.on("message", namespace="/a/{y}")


def test_a_class_and_a_function_for_the_same_pattern_may_not_both_connect(server):
    class Courses(PatternNamespace):
        pattern = "/courses/*"

        def on_connect(self, *args): ...

    server.router.register_namespace(Courses())
    with pytest.raises(PatternError, match="class-based namespace already"):
        server.router.register_namespace(Courses())
    with pytest.raises(PatternError, match="has a handler"):
        server.router.on("connect", namespace="/courses/*")
    server.router.on("message", let_in, namespace="/courses/*")


@pytest.mark.parametrize("namespace", ["/kernels", "/kernels/*", "/kernels/{id}", "/kernels/**"])
@pytest.mark.parametrize("event", ["connect", "message", "disconnect"])
def test_our_own_namespaces_take_no_foreign_handlers(server, namespace, event):
    with pytest.raises(PatternError, match="belongs to jupyter_sio"):
        server.router.on(event, namespace=namespace)


@pytest.mark.parametrize("pattern", ["/*", "/**", "/{a}/{b}", re.compile("/.*")])
async def test_a_general_pattern_never_gets_our_own_namespaces(server, pattern):
    calls = spy(server.router, "connect", pattern)
    for name in ("/kernels", "/kernels/1", "/kernels/1/2"):
        assert (await refusal(server, name))["message"] == "no such namespace"
    assert not calls


@pytest.mark.parametrize(
    "name",
    [
        "/a/",
        "//",
        "/a//b",
        "/a/../b",
        "/a?x=1",
        "/a\\n",
        "/" + "x" * 256,
        "/kernels/../a",
        "/a\x01",
    ],
)
async def test_a_malformed_name_gets_what_an_unknown_one_gets(server, name):
    spy(server.router, "connect", "/**")
    if name == "/a\\n":
        name = "/a\n"
    answer = {"message": "no such namespace", "data": {"code": 3507}}
    assert await refusal(server, name) == answer


# --- acceptance ------------------------------------------------------------------------------


class Gate:
    """A callable object whose answer must be awaited."""

    def __init__(self, answer):
        self.answer = answer

    def __call__(self, *args):
        return self.decide()

    async def decide(self):
        await asyncio.sleep(0)
        return self.answer


async def gate(answer, *args):
    return answer


GATES = {
    "function": lambda answer: lambda *args: answer,
    "coroutine function": lambda answer: functools.partial(gate, answer),
    "lambda": lambda answer: lambda *args: gate(answer),
    "partial": lambda answer: functools.partial(lambda a, *args: gate(a), answer),
    "object": Gate,
    "future": lambda answer: lambda *args: asyncio.ensure_future(gate(answer)),
    "coroutine of a coroutine": lambda answer: functools.partial(gate, gate(answer)),
}


@pytest.mark.parametrize("kind", GATES)
async def test_whatever_is_awaitable_is_awaited_before_anybody_gets_in(server, kind):
    server.router.on("connect", GATES[kind](False), namespace="/closed")
    server.router.on("connect", GATES[kind](None), namespace="/open")
    wanted = {"message": "Connection rejected by server", "data": {"code": 3507}}
    assert await refusal(server, "/closed") == wanted
    await server.join("/open")


@pytest.mark.parametrize("answer", [0, 1, "", "yes", [], {"ok": True}, object(), 1.0])
async def test_only_none_and_true_let_a_client_in(server, answer):
    server.router.on("connect", lambda *args: answer, namespace="/a")
    server.router.on("connect", lambda *args: True, namespace="/b")
    assert (await refusal(server, "/a"))["data"]["code"] == 3507
    await server.join("/b")


def raising(exc):
    def handler(*args):
        raise exc

    return handler


REFUSED = socketio.exceptions.ConnectionRefusedError


@pytest.mark.parametrize(
    ("exc", "message", "data"),
    [
        (ConnectionRefusedError("full", {"seats": 0}), "full", {"code": 3507, "seats": 0}),
        (ConnectionRefusedError("full"), "full", {"code": 3507}),
        (ConnectionRefusedError(), "Connection rejected by server", {"code": 3507}),
        (REFUSED("full", {"seats": 0}), "full", {"code": 3507, "seats": 0}),
        (REFUSED("full", "a", 2), "full", {"code": 3507, "data": ["a", 2]}),
        (REFUSED("full", [1]), "full", {"code": 3507, "data": [1]}),
        (REFUSED(), "Connection rejected by server", {"code": 3507}),
        (REFUSED("later", {"code": 3013}), "later", {"code": 3013}),
        (Refused("no seat", code=3505, data={"n": 1}), "no seat", {"code": 3505, "n": 1}),
        (ConnectionRefusedError(111, "db:5432 refused"), "internal error", {"code": 3004}),
        (ValueError("secret"), "internal error", {"code": 3004}),
        (asyncio.TimeoutError(), "internal error", {"code": 3004}),
        (asyncio.CancelledError(), "internal error", {"code": 3004}),
        (REFUSED("full", {"x": float("nan")}), "internal error", {"code": 3004}),
    ],
)
async def test_a_refusal_says_what_the_handler_said(server, exc, message, data):
    server.router.on("connect", raising(exc), namespace="/a")
    assert await refusal(server, "/a") == {"message": message, "data": data}
    server.sessions()[0].abort()
    await until(lambda: server.state() == NOTHING)


async def test_a_handler_that_takes_too_long_refuses(serve):
    server = await serve(limited(connections={"handler_seconds": 0.05}))

    async def stubborn(*args):
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(0.3)  # still not waited for

    server.router.on("connect", stubborn, namespace="/a")
    answer = await asyncio.wait_for(refusal(server, "/a"), 0.25)
    assert answer == {"message": "internal error", "data": {"code": 3004}}
    assert server.router.manager.rooms == {} and server.router.statistics().slow_handlers == 1


@pytest.mark.parametrize("how", ["DISCONNECT", "cut", "close", "engine close"])
async def test_a_client_that_vanishes_during_its_connect_handler_leaves_nothing(server, how):
    entered, cancelled = asyncio.Event(), asyncio.Event()

    @server.router.on("connect", namespace="/a")
    async def slow(sid, environ, auth):
        await server.router.enter_room(sid, "room", namespace="/a")
        entered.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            with pytest.raises(ValueError, match="not connected"):
                await server.router.enter_room(sid, "late", namespace="/a")
            cancelled.set()
            raise

    left = spy(server.router, "disconnect", "/a")
    peer = await server.peer()
    peer.send("40/a,")
    await entered.wait()
    if how == "DISCONNECT":
        peer.send("41/a,")
        await cancelled.wait()
        peer.cut()
    elif how == "engine close":
        peer.send("1")
    else:
        (peer.cut if how == "cut" else peer.close)()
    await until(lambda: server.state() == NOTHING)
    assert cancelled.is_set() and left == []


async def test_no_broadcast_reaches_a_client_that_is_not_accepted_yet(server):
    router, decide = server.router, asyncio.Event()

    @router.on("connect", namespace="/a")
    async def slow(sid, environ, auth):
        await router.enter_room(sid, "room", namespace="/a")
        await decide.wait()

    peer = await server.peer()
    peer.send("40/a,")
    await until(lambda: router.manager.clients)
    for room in (None, "room"):
        await router.emit("secret", 1, namespace="/a", room=room)
    assert list(router.manager.get_participants("/a", None)) == []
    decide.set()
    assert (await peer.read()).startswith("40/a,")
    await router.emit("public", 2, namespace="/a", room="room")
    assert await peer.read() == '42/a,["public",2]'


async def test_what_a_connect_handler_emits_to_the_client_follows_the_connect(server):
    router = server.router

    @router.on("connect", namespace="/a/*")
    async def greet(namespace, sid, environ, auth):
        await router.emit("one", to=sid, namespace=namespace)
        await router.emit("two", b"x", room=sid, namespace=namespace)
        return auth is None

    peer = await server.join("/a/1")
    assert [await peer.read() for _ in range(3)] == [
        '42/a/1,["one"]',
        '451-/a/1,["two",{"_placeholder":true,"num":0}]',
        b"x",
    ]
    assert (await refusal(server, "/a/2", "{}"))["data"]["code"] == 3507


async def test_what_a_connect_handler_emits_is_bounded(serve):
    server = await serve(limited(transport={"event_outstanding_bytes": 10_000}))

    @server.router.on("connect", namespace="/a")
    async def chatter(sid, environ, auth):
        for _ in range(20):
            await server.router.emit("x", "y" * 900, to=sid, namespace="/a")

    await server.join("/a")
    assert server.router.statistics().dropped_events == 10


async def test_a_second_connect_of_the_same_namespace_is_malformed(server):
    spy(server.router, "connect", "/a")
    peer = await server.join("/a")
    peer.send("40/a,")
    assert body((await peer.read_until_closed())[0])[1]["code"] == 3501


async def test_a_connection_joins_so_many_namespaces_and_no_more(serve):
    server = await serve(limited(connections={"namespaces": 3}))
    spy(server.router, "connect", "/*")
    peer = await server.peer()
    for name in ("/a", "/b", "/c"):
        await peer.join(name)
    peer.send("40/d,")
    assert body(await peer.read())["data"] == {"code": 3505}
    peer.send("41/a,")
    await until(lambda: len(server.router.manager.clients) == 2)
    await peer.join("/d")


async def test_namespaces_still_being_left_are_bounded_too(serve):
    server = await serve(limited(connections={"namespaces": 3, "handler_seconds": 0.3}))
    spy(server.router, "connect", "/*")
    server.router.on("disconnect", lambda *args: asyncio.sleep(60), namespace="/*")
    peer = await server.peer()
    for name in "abc":
        await peer.join(f"/{name}")
        peer.send(f"41/{name},")
    peer.send("40/d,")
    assert body(await peer.read())["data"] == {"code": 3505}
    await until(lambda: not server.router.manager.clients)
    await peer.join("/d")


@pytest.mark.parametrize("name", ["/courses/1", "/kernels", "/kernels/2", "/kernels/1/x"])
async def test_a_tickets_holder_gets_its_own_kernel_and_nothing_else(server, name):
    grants = frozenset({Grant.WATCH})
    server.access = Access(user="", grants=grants, kernel_id="1")
    server.router.reserve(Kernels())
    spy(server.router, "connect", "/**")
    assert await refusal(server, name) == {"message": "no such namespace", "data": {"code": 3507}}
    await server.join("/kernels/1")


# --- events ----------------------------------------------------------------------------------


async def test_events_are_handled_in_order_and_off_the_read_loop(server):
    seen, release = [], asyncio.Event()
    spy(server.router, "connect", "/*")

    @server.router.on("message", namespace="/*")
    async def message(namespace, sid, number):
        if number == 0:
            await release.wait()
        await asyncio.sleep(0.001 * (5 - number))
        seen.append((namespace, number))

    peer = await server.peer()
    for name in ("/a", "/b"):
        await peer.join(name)
    peer.send(*(f'42/a,["message",{n}]' for n in range(5)), '42/b,["message",3]')
    await until(lambda: seen == [("/b", 3)])  # /a's first handler holds up nobody else
    release.set()
    await until(lambda: len(seen) == 6)
    assert seen[1:] == [("/a", n) for n in range(5)]


async def test_events_sent_before_the_acceptance_are_handled_behind_it(server):
    seen = []

    @server.router.on("connect", namespace="/a")
    async def slow(sid, environ, auth):
        await asyncio.sleep(0.02)
        seen.append("connect")

    server.router.on("message", lambda sid, n: seen.append(n), namespace="/a")
    peer = await server.peer()
    peer.send("40/a,", '42/a,["message",1]', '42/a,["message",2]')
    await until(lambda: len(seen) == 3)
    assert seen == ["connect", 1, 2]


@pytest.mark.parametrize(
    ("returned", "answer"),
    [
        (None, []),
        (5, [5]),
        ((1, 2), [1, 2]),
        ([1, 2], [[1, 2]]),
        (False, [False]),
        ({"a": None}, [{"a": None}]),
    ],
)
async def test_what_a_handler_returns_is_the_answer(server, returned, answer):
    spy(server.router, "connect", "/a")
    spy(server.router, "e", "/a", returned)
    assert await ask(await server.join("/a"), "/a", "e") == answer


async def test_binary_arguments_and_answers_travel(server):
    spy(server.router, "connect", "/a")
    server.router.on("e", lambda sid, x: (x["b"] + b"!", 1), namespace="/a")
    peer = await server.join("/a")
    peer.send('451-/a,3["e",{"b":{"_placeholder":true,"num":0}}]', b"hi")
    assert await peer.read() == '461-/a,3[{"_placeholder":true,"num":0},1]'
    assert await peer.read() == b"hi!"


INTERNAL = [{"ok": False, "code": 3004, "message": "internal error"}]


@pytest.mark.parametrize("returned", [float("nan"), object(), {1}, [b""] * 11, 1j])
async def test_a_return_value_that_cannot_travel_is_an_internal_error(server, returned):
    spy(server.router, "connect", "/a")
    spy(server.router, "e", "/a", returned)
    peer = await server.join("/a")
    assert await ask(peer, "/a", "e") == INTERNAL
    assert await ask(peer, "/a", "e", number=2) == INTERNAL


@pytest.mark.parametrize("exc", [ValueError("secret"), asyncio.CancelledError(), KeyError()])
async def test_a_handler_that_raises_is_logged_and_the_client_stays(server, exc, caplog):
    spy(server.router, "connect", "/a")
    server.router.on("e", raising(exc), namespace="/a")
    spy(server.router, "f", "/a", "fine")
    peer = await server.join("/a")
    peer.send('42/a,["e"]')
    assert await ask(peer, "/a", "e", 1, 2) == INTERNAL
    assert await ask(peer, "/a", "f") == ["fine"]
    assert "the handler of 'e' in /a failed" in caplog.text
    assert server.router.statistics().failed_handlers == 2


async def test_a_client_cannot_fill_the_log(server, caplog):
    spy(server.router, "connect", "/a")
    server.router.on("e", raising(ValueError()), namespace="/a")
    peer = await server.join("/a")
    peer.send(*(f'42/a,{n}["e"]' for n in range(200)))
    for _ in range(200):
        await peer.read()
    assert len([r for r in caplog.records if r.name.startswith("jupyter_sio")]) == 51
    assert server.router.statistics().failed_handlers == 200


async def test_an_event_without_a_handler_is_answered_if_an_answer_was_asked(server):
    spy(server.router, "connect", "/a")
    peer = await server.join("/a")
    peer.send('42/a,["nothing"]')
    wanted = [{"ok": False, "code": 3506, "message": "no such handler"}]
    assert await ask(peer, "/a", "nothing") == wanted


FORGED = [
    '["connect",{"jupyter_sio.user":"root"},{}]',
    '["disconnect","x"]',
    '["connect_error","x"]',
    '["*","VICTIM"]',
    '["$bye",{"code":3510}]',
    '["$subscribe",{"stream":"x"}]',
    "[5]",
    "[[]]",
    '[""]',
    f'["{"x" * 65}"]',
]


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("event", FORGED)
async def test_a_forged_event_calls_nobody_and_closes(server, event, joined, binary):
    names = ("connect", "disconnect", "*", "message")
    calls = [spy(server.router, name, "/**") for name in names]
    peer = await server.peer()
    if joined:
        await peer.join("/a")
        calls[0].clear()
    if binary:
        event = event[:-1] + ',{"_placeholder":true,"num":0}]'
        peer.send(f"451-/a,{event}", b"x")
    else:
        peer.send(f"42/a,{event}")
    frames = await peer.read_until_closed(1.0)
    assert peer.ws.close_code == 3501 and frames[-1] == "1"
    await until(lambda: server.state() == NOTHING)
    reasons = [("/a", "server disconnect")] * joined
    assert [(args[0], args[2]) for args in calls[1]] == reasons
    assert calls[0] == calls[2] == calls[3] == []


async def test_a_full_queue_holds_the_socket_and_loses_nothing(serve):
    server = await serve(limited(inbound={"queued_events": 4}))
    seen, release = [], asyncio.Event()
    spy(server.router, "connect", "/a")

    @server.router.on("e", namespace="/a")
    async def slow(sid, number):
        await release.wait()
        seen.append(number)

    peer = await server.join("/a")
    peer.send(*(f'42/a,["e",{n}]' for n in range(100)))
    client = next(iter(server.router.manager.clients.values()))
    await until(lambda: client.session.full_queues)
    await asyncio.sleep(0.05)
    assert len(client.queue) == 4 and server.router.statistics().held >= 1
    release.set()
    await until(lambda: len(seen) == 100)
    assert seen == list(range(100))
    assert client.session.queued_bytes == client.session.full_queues == 0


async def test_large_events_that_wait_hold_the_socket_too(serve):
    server = await serve(limited(inbound={"queued_bytes": 100_000}))
    release = asyncio.Event()
    spy(server.router, "connect", "/a")

    @server.router.on("e", namespace="/a")
    async def slow(sid, data):
        await release.wait()

    peer = await server.join("/a")
    for _ in range(20):
        peer.send('451-/a,["e",{"_placeholder":true,"num":0}]', b"x" * 50_000)
    client = next(iter(server.router.manager.clients.values()))
    await until(lambda: server.router.statistics().held)
    await asyncio.sleep(0.05)
    assert len(client.queue) <= 3
    release.set()
    await until(lambda: not client.queue)


# --- call, rooms, emit -----------------------------------------------------------------------


async def client_of(server, namespace):
    """A real python-socketio client in one namespace."""
    client = socketio.AsyncClient(reconnection=False)
    url = f"http://127.0.0.1:{server.port}"
    await client.connect(url, transports=["websocket"], namespaces=[namespace])
    return client


async def test_call_works_inside_a_handler(server):
    spy(server.router, "connect", "/a/*")

    @server.router.on("e", namespace="/a/*")
    async def ask_back(namespace, sid, number):
        answer = await server.router.call("twice", number, to=sid, namespace=namespace)
        return answer + 1

    client = await client_of(server, "/a/1")
    client.on("twice", lambda number: 2 * number, namespace="/a/1")
    assert await client.call("e", 20, namespace="/a/1", timeout=5) == 41
    await client.disconnect()


async def test_call_inside_a_handler_is_answered_though_the_queue_is_full(serve):
    server = await serve(limited(inbound={"queued_events": 2}))
    spy(server.router, "connect", "/a")
    started, answers = asyncio.Event(), []

    @server.router.on("e", namespace="/a")
    async def ask_back(sid, number):
        started.set()
        await asyncio.sleep(0.05)  # the queue behind is full before this one asks
        answers.append(await server.router.call("q", to=sid, namespace="/a", timeout=5))

    peer = await server.join("/a")
    peer.send('42/a,["e",0]')
    await started.wait()
    peer.send(*(f'42/a,{n}["e",{n}]' for n in range(1, 7)))
    assert await peer.read() == '42/a,1["q"]'
    peer.send('43/a,1["yes"]')
    await until(lambda: answers)
    assert answers == ["yes"]
    assert server.router.statistics().overflowed_events >= 1


@pytest.mark.parametrize("args", [[], [1], [1, 2]])
async def test_call_returns_what_the_client_answers(server, args):
    spy(server.router, "connect", "/a")
    peer = await server.join("/a")
    (sid,) = server.router.manager.clients
    asked = asyncio.ensure_future(server.router.call("q", ("x", 1), to=sid, namespace="/a"))
    assert await peer.read() == '42/a,1["q","x",1]'
    peer.send(f"43/a,1{json.dumps(args)}", "43/a,1[]", "43/a,99[]")
    assert await asked == {0: None, 1: 1, 2: (1, 2)}[len(args)]
    assert server.sessions()[0].calls == 0


async def test_call_raises_when_the_client_leaves_is_absent_or_silent(server):
    spy(server.router, "connect", "/a")
    peer = await server.join("/a")
    (sid,) = server.router.manager.clients
    silent = server.router.call("q", to=sid, namespace="/a", timeout=0.02)
    absent = server.router.call("q", to="nobody", namespace="/a")
    for asked in (silent, absent):
        with pytest.raises(socketio.exceptions.TimeoutError):
            await asked
    left = asyncio.ensure_future(server.router.call("q", to=sid, namespace="/a"))
    await asyncio.sleep(0)
    peer.send("41/a,")
    with pytest.raises(socketio.exceptions.TimeoutError):
        await asyncio.wait_for(left, 2)


async def test_answers_that_nobody_gives_are_bounded(serve):
    server = await serve(limited(connections={"pending_answers": 3}))
    spy(server.router, "connect", "/a")
    await server.join("/a")
    ((sid, client),) = server.router.manager.clients.items()
    for _ in range(10):
        await server.router.emit("q", to=sid, namespace="/a", callback=lambda: None)
    assert client.session.calls == 3 and server.router.statistics().unanswered == 7


async def test_a_callback_gets_the_answer_and_may_be_a_coroutine(server):
    spy(server.router, "connect", "/a")
    peer = await server.join("/a")
    (sid,) = server.router.manager.clients
    seen = []

    async def later(*args):
        seen.append(args)

    for callback in (later, lambda *args: seen.append(args), raising(ValueError())):
        await server.router.emit("q", to=sid, namespace="/a", callback=callback)
    peer.send("43/a,1[1]", "43/a,2[2,3]", "43/a,3[]")
    await until(lambda: server.router.statistics().failed_handlers == 1)
    assert sorted(seen) == [(1,), (2, 3)]


async def test_an_emit_reaches_rooms_skips_who_is_skipped_and_nobody_twice(server):
    router = server.router

    @router.on("connect", namespace="/a")
    async def join(sid, environ, auth):
        for room in auth["rooms"]:
            await router.enter_room(sid, room, namespace="/a")

    peers = [await server.peer() for _ in range(3)]
    auths = ['{"rooms":["r"]}', '{"rooms":["r","s"]}', '{"rooms":["s"]}']
    sids = [await p.join("/a", auth) for p, auth in zip(peers, auths, strict=True)]
    await router.emit("1", namespace="/a", to="r")
    await router.emit("2", (1, 2), namespace="/a", to=["r", "s"], skip_sid=sids[0])
    await router.emit("3", namespace="/a", skip_sid=[sids[0], sids[2]])
    await router.emit("4", namespace="/a", to=sids[2])
    await router.leave_room(sids[1], "r", namespace="/a")
    await router.close_room("s", namespace="/a")
    await router.emit("5", namespace="/a", to=["r", "s"])
    await router.emit("6", [1, 2], namespace="/a")
    heard = []
    for peer in peers:
        heard.append([])
        while not heard[-1] or heard[-1][-1][0] != "6":
            heard[-1].append(body(await peer.read()))
    six = ["6", [1, 2]]
    assert heard == [
        [["1"], ["5"], six],
        [["1"], ["2", 1, 2], ["3"], six],
        [["2", 1, 2], ["4"], six],
    ]
    assert set(router.rooms(sids[0], namespace="/a")) == {sids[0], "r"}


async def test_emitting_to_nobody_is_harmless(server):
    for room in (None, "r", [], ["r"], "sid"):
        await server.router.emit("x", object(), namespace="/absent", room=room)
    assert server.state() == NOTHING


async def test_somebody_elses_own_room_cannot_be_entered_nor_closed(server):
    spy(server.router, "connect", "/a")
    peers = [await server.peer() for _ in range(2)]
    one, other = [await peer.join("/a") for peer in peers]
    with pytest.raises(ValueError, match="sid room"):
        await server.router.enter_room(one, other, namespace="/a")
    with pytest.raises(ValueError, match="sid room"):
        await server.router.close_room(other, namespace="/a")
    for room in (None, one):
        await server.router.leave_room(one, room, namespace="/a")
    await server.router.emit("x", namespace="/a", to=one)
    assert await peers[0].read() == '42/a,["x"]'


async def test_an_event_that_cannot_travel_raises_where_it_is_emitted(server):
    spy(server.router, "connect", "/a")
    await server.join("/a")
    (sid,) = server.router.manager.clients
    with pytest.raises(BadRequest, match="cannot travel"):
        await server.router.emit("x", {1}, namespace="/a")
    with pytest.raises(BadRequest):
        await server.router.emit("x", {1}, to=sid, namespace="/a", callback=print)
    assert server.sessions()[0].calls == 0


async def test_call_says_whom_and_what_or_raises(server):
    spy(server.router, "connect", "/a")
    await server.join("/a")
    (client,) = server.router.manager.clients.values()
    with pytest.raises(ValueError, match="whom to ask"):
        await server.router.call("q", namespace="/a")
    with pytest.raises(BadRequest):
        client.call("q", [object()], print)
    with pytest.raises(BadRequest):
        await server.router.call("q", object(), to=client.sid, namespace="/a")
    assert client.session.calls == 0


async def test_the_manager_answers_as_python_socketios_does(server):
    spy(server.router, "connect", "/a")
    await server.join("/a")
    (session,), (sid,) = server.sessions(), server.router.manager.clients
    manager = server.router.manager
    assert list(manager.get_participants("/a", None)) == [(sid, session.sid)]
    assert await manager.can_disconnect(sid, "/a") and not manager.is_connected(sid, "/b")
    assert manager.is_connected(sid, "/a") and not manager.is_connected([], "/a")
    await manager.disconnect(sid, "/a")
    assert manager.rooms == {} and not manager.is_connected(sid, "/a")


async def test_sessions_environ_and_transport_work_as_in_python_socketio(server):
    router, seen = server.router, []

    @router.on("connect", namespace="/a")
    async def connect(sid, environ, auth):
        async with router.session(sid, namespace="/a") as session:
            session["name"] = auth["name"]

    @router.on("disconnect", namespace="/a")
    async def disconnect(sid, reason):
        session = await router.get_session(sid, namespace="/a")
        user = router.get_environ(sid, namespace="/a")["jupyter_sio.user"]
        seen.append((session["name"], user, router.rooms(sid, namespace="/a") == [sid]))

    peer = await server.join("/a", '{"name":"x"}')
    (sid,) = router.manager.clients
    await router.save_session(sid, {"name": "y"}, namespace="/a")
    assert router.transport(sid, namespace="/a") == "websocket"
    peer.cut()
    await until(lambda: server.state() == NOTHING)
    assert seen == [("y", "ada", True)]


# --- leaving ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("DISCONNECT", "client disconnect"),
        ("engine close", "client disconnect"),
        ("close", "transport close"),
        ("cut", "transport close"),
        ("disconnect", "server disconnect"),
        ("bye", "server disconnect"),
        ("eio", "server disconnect"),
        ("abort", "transport error"),
    ],
)
async def test_the_disconnect_handler_is_called_exactly_once(server, how, reason):
    spy(server.router, "connect", "/a")
    left = spy(server.router, "disconnect", "/a")
    peer = await server.join("/a")
    (session,) = server.sessions()
    (sid,) = server.router.manager.clients
    if how in ("DISCONNECT", "engine close"):
        peer.send("41/a," if how == "DISCONNECT" else "1")
    elif how in ("close", "cut"):
        getattr(peer, how)()
    elif how == "disconnect":
        await server.router.disconnect(sid, namespace="/a")
    elif how == "eio":
        await server.router.eio.disconnect(session.sid)
    else:
        getattr(session, how)(*((3014, "again") if how == "bye" else ()))
    await until(lambda: left)
    session.abort()
    await until(lambda: server.state() == NOTHING)
    assert left == [(sid, reason)]


async def test_what_was_sent_before_leaving_is_handled_before_the_disconnect_handler(server):
    seen = []
    spy(server.router, "connect", "/a")

    @server.router.on("e", namespace="/a")
    async def slow(sid, number):
        await asyncio.sleep(0.005)
        seen.append(number)

    server.router.on("disconnect", lambda sid: seen.append("bye"), namespace="/a")
    peer = await server.join("/a")
    peer.send(*(f'42/a,["e",{n}]' for n in range(5)), "41/a,")
    await until(lambda: "bye" in seen)
    assert seen == [0, 1, 2, 3, 4, "bye"]


async def test_a_handler_that_hangs_does_not_keep_a_client_that_left(serve):
    server = await serve(limited(connections={"handler_seconds": 0.05}))
    spy(server.router, "connect", "/a")
    for event in ("e", "disconnect"):
        server.router.on(event, lambda *args: asyncio.sleep(60), namespace="/a")
    peer = await server.join("/a")
    peer.send('42/a,["e"]')
    await until(lambda: server.router.manager.clients)
    peer.cut()
    await until(lambda: server.state() == NOTHING, 2)


async def test_a_disconnect_handler_that_raises_leaves_nothing(server, caplog):
    spy(server.router, "connect", "/a")
    server.router.on("disconnect", raising(ValueError("why")), namespace="/a")
    peer = await server.join("/a")
    peer.cut()
    await until(lambda: server.state() == NOTHING)
    assert "the handler of 'disconnect' in /a failed" in caplog.text


async def test_who_comes_back_waits_for_its_own_disconnect_handler(server):
    seen = []
    server.router.on("connect", lambda sid, environ: seen.append("in"), namespace="/a")

    @server.router.on("disconnect", namespace="/a")
    async def slow(sid, reason):
        await asyncio.sleep(0.03)
        seen.append("out")

    peer = await server.join("/a")
    peer.send("41/a,")
    await peer.join("/a")
    assert seen == ["in", "out", "in"]


async def test_an_event_that_crossed_with_the_end_is_ignored(server):
    spy(server.router, "connect", "/*")
    peer = await server.peer()
    await peer.join("/a")
    sid = await peer.join("/b")
    await server.router.disconnect(sid, namespace="/b")
    assert await peer.read() == "41/b,"
    peer.send('42/b,["e"]', "43/b,1[]", "41/b,")
    await peer.join("/c")
    assert len(server.sessions()) == 1


async def test_disconnecting_within_handlers(server):
    router = server.router

    @router.on("connect", namespace="/*")
    async def connect(namespace, sid, environ, auth):
        if namespace == "/no":
            await router.disconnect(sid, namespace=namespace)

    @router.on("e", namespace="/*")
    async def leave(namespace, sid):
        await router.disconnect(sid, namespace=namespace)

    left = spy(router, "disconnect", "/*")
    assert (await refusal(server, "/no"))["data"] == {"code": 3507}
    peer = await server.join("/yes")
    peer.send('42/yes,["e"]')
    assert (await peer.read_until_closed()) == ["41/yes,", "1"]
    await until(lambda: left)
    assert [args[0] for args in left] == ["/yes"]


async def test_leaving_does_not_look_at_other_namespaces(server, monkeypatch):
    spy(server.router, "connect", "/*")
    peer = await server.join("/a")
    monkeypatch.setattr(server.router.manager, "get_namespaces", raising(AssertionError()))
    monkeypatch.setattr(socketio.AsyncManager, "basic_disconnect", raising(AssertionError()))
    peer.cut()
    await until(lambda: server.state() == NOTHING)


# --- namespaces as a whole -------------------------------------------------------------------


async def test_observers_hear_of_the_first_and_the_last_client(server):
    router, told = server.router, []
    spy(router, "connect", "/**")
    router.on_open("/courses/{id:int}", lambda ns: told.append(("open", ns, ns.params)))

    @router.on_close("/courses/*")
    async def closed(namespace):
        told.append(("close", namespace, namespace.params))

    one, other = await server.peer(), await server.peer()
    for peer in (one, other):
        await peer.join("/courses/7")
    await one.join("/elsewhere")
    assert router.live("/courses/{id}") == ["/courses/7"]
    assert router.live("/courses/{id}")[0].params == {"id": "7"}
    assert sorted(router.live()) == ["/courses/7", "/elsewhere"]
    one.send("41/courses/7,")
    other.send("41/courses/7,")
    await until(lambda: len(told) == 2)
    assert told == [("open", "/courses/7", {"id": 7}), ("close", "/courses/7", {})]
    assert router.live("/courses/*") == []


async def test_close_is_told_behind_open_however_long_that_took(server):
    told = []

    @server.router.on_open("/a")
    async def opened(namespace):
        await asyncio.sleep(0.03)
        told.append("open")
        raise ValueError

    server.router.on_close("/a", lambda namespace: told.append("close"))
    spy(server.router, "connect", "/a")
    peer = await server.join("/a")
    peer.cut()
    await until(lambda: server.state() == NOTHING)
    assert told == ["open", "close"]


async def test_an_observer_that_hangs_does_not_keep_the_next_one_waiting(serve):
    server = await serve(limited(connections={"handler_seconds": 0.05}))
    told = []
    server.router.on_open("/k/*", lambda namespace: asyncio.sleep(60))
    server.router.on_close("/k/*", told.append)
    server.router.announce_open("/k/1")
    server.router.announce_close("/k/1")
    await until(lambda: told == ["/k/1"])
    await until(lambda: server.state() == NOTHING)


async def test_kernels_may_be_observed_and_are_announced_by_their_owner(server):
    told = []
    server.router.on_open("/kernels/*", told.append)
    server.router.on_close("/kernels/{id}", told.append)
    server.router.announce_open("/kernels/1")
    server.router.announce_open("/kernels/1")
    assert server.router.live("/kernels/*") == ["/kernels/1"]
    server.router.announce_close("/kernels/1")
    server.router.announce_close("/kernels/1")
    await until(lambda: len(told) == 2)
    assert told == ["/kernels/1", "/kernels/1"] and told[1].params == {"id": "1"}


async def test_closing_a_namespace_says_why_and_closes_sockets_it_was_the_last_of(server):
    spy(server.router, "connect", "/*")
    left = spy(server.router, "disconnect", "/*")
    one, other = await server.peer(), await server.peer()
    await one.join("/a")
    for name in ("/a", "/b"):
        await other.join(name)
    await server.router.close_namespace("/a", Code.KERNEL_GONE, "over")
    bye = '42/a,["$bye",{"code":3510,"reason":"over","retry_ms":null}]'
    assert await one.read_until_closed() == [bye, "41/a,", "1"]
    assert (one.ws.close_code, one.ws.close_reason) == (3510, "over")
    assert [await other.read() for _ in range(2)] == [bye, "41/a,"]
    assert len(left) == 2 and server.router.live() == ["/b"]
    server.router.close_namespace("/nowhere")


async def test_closing_a_namespace_refuses_who_is_still_pending(server):
    server.router.on("connect", lambda *args: asyncio.sleep(60), namespace="/a")
    peer = await server.peer()
    peer.send("40/a,")
    await until(lambda: server.router.manager.clients)
    server.router.close_namespace("/a", 3510, "over")
    assert await peer.read() == '44/a,{"message":"over","data":{"code":3510}}'


async def test_a_handler_may_close_its_own_namespace_and_wait_for_it(server):
    router = server.router
    spy(router, "connect", "/a")
    left = spy(router, "disconnect", "/a")

    @router.on("e", namespace="/a")
    async def close(sid):
        await asyncio.wait_for(router.close_namespace("/a"), 1)
        left.append("closed")

    one, other = await server.join("/a"), await server.join("/a")
    one.send('42/a,["e"]')
    for peer in (one, other):
        await peer.read_until_closed()
        assert peer.ws.close_code == 3503
    await until(lambda: len(left) == 3)
    assert left[1] == "closed"


async def test_closing_a_namespace_refuses_who_comes_back_meanwhile(server):
    spy(server.router, "connect", "/a")
    server.router.on("disconnect", lambda *args: asyncio.sleep(0.05), namespace="/a")
    peer = await server.join("/a")
    peer.send("41/a,", "40/a,")
    await until(lambda: server.sessions()[0].leaving and server.sessions()[0].clients)
    server.router.close_namespace("/a", 3510, "over")
    assert (await peer.read()).startswith('44/a,{"message":"over"')


async def test_shutting_down_says_so_in_every_namespace_and_leaves_no_task(server):
    spy(server.router, "connect", "/*")
    left = spy(server.router, "disconnect", "/*")
    server.router.on("e", lambda *args: asyncio.sleep(60), namespace="/*")
    peer = await server.peer()
    for name in ("/a", "/b"):
        await peer.join(name)
    peer.send('42/a,["e"]')
    await asyncio.sleep(0.02)
    server.router.configure(limited(transport={"abort_seconds": 0.1}))
    await server.router.shutdown()
    frames = await peer.read_until_closed()
    assert [frame[:12] for frame in frames] == ['42/a,["$bye"', '42/b,["$bye"', "1"]
    word = body(frames[0])[1]
    assert word["code"] == 3001 and 500 <= word["retry_ms"] <= 5000
    assert server.state() == NOTHING and {args[0] for args in left} <= {"/a", "/b"}
    late = await server.peer()
    assert await late.read_until_closed() == ["1"] and late.ws.close_code == 3001


# --- the owner -------------------------------------------------------------------------------


class Kernels:
    """An owner that notes what it is told."""

    def __init__(self):
        self.told = []

    async def admit(self, client, auth):
        await asyncio.sleep(0.01)
        if auth == {"no": 1}:
            raise Refused("kernel gone", code=3510, data={"x": 1})
        if auth:
            raise ValueError("secret")

    def joined(self, client):
        client.owner_data = "mine"
        self.told.append("joined")
        client.send("$status", {"kernel": "idle"})

    def receive(self, client, event, args, ack):
        self.told.append((event, args, client.owner_data))
        if event == "bad":
            raise BadRequest("no")
        if event == "broken":
            raise ValueError("no")
        if event == "nan":
            ack(float("nan"))
        elif ack:
            ack({"ok": True}, 1)

    def left(self, client, reason):
        self.told.append(("left", reason))

    def data_due(self, session):
        return False

    def inbound_bytes(self, session):
        return 1000


@pytest.fixture
def kernels(server):
    owner = Kernels()
    server.router.reserve(owner)
    return owner


async def test_the_owner_admits_hears_and_answers(server, kernels):
    peer = await server.peer()
    peer.send("40/kernels/1,", '42/kernels/1,["early",1]')
    assert (await peer.read()).startswith("40/kernels/1,")
    assert await peer.read() == '42/kernels/1,["$status",{"kernel":"idle"}]'
    assert await ask(peer, "/kernels/1", "$x", 5) == [{"ok": True}, 1]
    for event in ("broken", "nan"):
        assert await ask(peer, "/kernels/1", event) == INTERNAL
    peer.send("41/kernels/1,")
    await until(lambda: ("left", "client disconnect") in kernels.told)
    assert kernels.told[:3] == ["joined", ("early", [1], "mine"), ("$x", [5], "mine")]
    assert kernels.told.count(("left", "client disconnect")) == 1
    peer.cut()
    await until(lambda: server.state() == NOTHING)


async def test_events_before_the_owner_has_decided_follow_its_welcome(server, kernels):
    decide = asyncio.Event()
    kernels.admit = lambda client, auth: decide.wait()
    peer = await server.peer()
    peer.send("40/kernels/1,", '42/kernels/1,["early",1]', '42/kernels/1,["bad"]')
    await until(lambda: any(len(c.queue) == 2 for c in server.router.manager.clients.values()))
    assert kernels.told == []
    decide.set()
    await peer.read_until_closed()
    assert peer.ws.close_code == 3501
    assert [told[0] for told in kernels.told] == ["j", "early", "bad", "left"]


async def test_the_owner_refuses(server, kernels):
    wanted = {"message": "kernel gone", "data": {"code": 3510, "x": 1}}
    assert await refusal(server, "/kernels/1", '{"no":1}') == wanted
    wanted = {"message": "internal error", "data": {"code": 3004}}
    assert await refusal(server, "/kernels/1", '{"yes":1}') == wanted
    assert kernels.told == []


async def test_what_the_owner_calls_malformed_closes_the_connection(server, kernels):
    for text in (["bad"], ["early", 1]):
        peer = await server.join("/kernels/1")
        peer.send(f"42/kernels/1,{json.dumps(text)}", '42/kernels/1,["bad"]')
        await peer.read_until_closed()
        assert peer.ws.close_code == 3501
    assert kernels.told.count(("left", "server disconnect")) == 2


async def test_a_client_of_the_owners_asks_and_leaves(server, kernels):
    peer = await server.join("/kernels/1")
    (client,) = server.router.manager.clients.values()
    answers = []
    client.call("$event", [1], answers.append)
    client.call("$event", [2], answers.append)
    peer.send("43/kernels/1,1[5]")
    await until(lambda: answers == [[5]])
    client.leave(3503, "disconnected by an operator")
    frames = await peer.read_until_closed()
    assert frames[-3:] == [
        '42/kernels/1,["$bye",{"code":3503,"reason":"disconnected by an operator",'
        '"retry_ms":null}]',
        "41/kernels/1,",
        "1",
    ]
    assert answers == [[5], None]
    assert kernels.told == ["joined", ("left", "server disconnect")]


async def test_an_extension_may_emit_into_a_kernels_namespace(server, kernels):
    peer = await server.join("/kernels/1")
    await peer.read()
    await server.router.emit("hello", 1, namespace="/kernels/1")
    assert await peer.read() == '42/kernels/1,["hello",1]'


# --- nothing is left over --------------------------------------------------------------------


async def test_five_thousand_namespaces_opened_and_closed_twice_leave_nothing(serve):
    server = await serve(limited(connections={"namespaces": 1000}))
    router = server.router

    @router.on("connect", namespace="/n/{number:int}")
    async def join(namespace, sid, environ, auth):
        await router.enter_room(sid, "all", namespace=namespace)
        async with router.session(sid, namespace=namespace) as session:
            session["number"] = namespace.params["number"]
        return namespace.params["number"] % 7 != 0

    server.router.on("disconnect", lambda namespace, sid: None, namespace="/n/{number:int}")
    files, blocks = psutil.Process().num_fds(), []
    for _ in range(2):
        peers = [await server.peer() for _ in range(6)]
        for number in range(5000):
            peers[number % 6].send(f"40/n/{number},")
        for number in range(5000):
            await peers[number % 6].read(60)
        assert len(router.live()) == 5000 - 715
        for peer in peers:
            peer.cut()
        await until(lambda: server.state() == NOTHING, 20)
        for peer in server._peers:
            peer.close()
        server._peers.clear()
        del peers, peer
        gc.collect()
        blocks.append(sys.getallocatedblocks())
    assert blocks[1] - blocks[0] < 2_000
    assert psutil.Process().num_fds() <= files


async def test_refused_namespaces_leave_nothing(server):
    server.router.on("connect", raising(ValueError()), namespace="/broken/*")
    server.router.on("connect", lambda *args: False, namespace="/closed/*")
    server.log.setLevel("CRITICAL")
    peer = await server.peer()
    for number in range(300):
        for kind in ("broken", "closed", "absent"):
            peer.send(f"40/{kind}/{number},")
            await peer.read()
    assert server.state()[2:] == [0] * 7
    assert server.router.statistics().refused == 900


# --- the examples ----------------------------------------------------------------------------


@pytest.fixture
def example(server):
    """The server with the extension in examples/namespaces.py."""
    path = Path(__file__).parents[2] / "examples" / "namespaces.py"
    spec = importlib.util.spec_from_file_location("namespaces", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    settings = {"jupyter_sio_router": server.router}
    app = SimpleNamespace(web_app=SimpleNamespace(settings=settings), log=server.log)
    module._load_jupyter_server_extension(app)
    return server


async def test_the_first_example_prints_every_dynamic_namespace(example, capsys):
    for name in ("/chat", "/anything-else"):
        await example.join(name)
    assert capsys.readouterr().out == (
        "somebody opens the namespace /chat\nsomebody opens the namespace /anything-else\n"
    )


async def test_the_second_example_asks_who_may_and_uses_the_room(example, capsys):
    ada, other = await client_of(example, "/courses/algebra"), await example.peer()
    heard = []
    ada.on("message", heard.append, namespace="/courses/algebra")
    await other.join("/courses/algebra")
    other.send('42/courses/algebra,["message","hi"]')
    await until(lambda: heard == ["hi"])
    assert set(example.router.manager.rooms["/courses/algebra"]) >= {"algebra"}
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client_of(example, "/courses/optics")
    assert (await refusal(example, "/courses/optics"))["data"]["code"] == 3507
    assert capsys.readouterr().out == ""
    await ada.disconnect()


def test_router_of_works_whichever_extension_is_loaded_first():
    import logging

    app = SimpleNamespace(web_app=SimpleNamespace(settings={}), log=logging.getLogger("x"))
    router = router_of(app)
    assert router_of(app) is router is app.web_app.settings["jupyter_sio_router"]
