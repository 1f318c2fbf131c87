"""The handlers of other server extensions: how they are registered, found and called.

A literal namespace keeps python-socketio's signatures, ``(sid, …)``; a pattern's handlers get
``(namespace, sid, …)``, and a catch-all of events ``(event, namespace, sid, …)``.

Source: api.md §3 ("Dynamic namespaces for everyone").
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

from socketio import AsyncNamespace
from socketio import exceptions as foreign

from jupyter_sio.errors import Code, PatternError, Refused
from jupyter_sio.protocol.names import Namespace, Pattern, Segment, Table, parse

Handler: TypeAlias = Callable[..., Any]
NamespacePattern: TypeAlias = str | re.Pattern[str]

OWNED = "/kernels"
_OWNED_SEGMENT = Segment("literal", text=OWNED[1:])
_LIFECYCLE = ("connect", "disconnect")


class PatternNamespace(AsyncNamespace):  # type: ignore[misc]
    """Handlers of one pattern, as methods ``on_<event>(self, namespace, sid, …)``.

    One instance serves every namespace that matches, so its ``emit``, ``enter_room``, ``session``
    … need ``namespace=``.

    Examples
    --------
    >>> class Courses(PatternNamespace):
    ...     pattern = "/courses/{course_id}"
    ...
    ...     async def on_connect(self, namespace, sid, environ, auth):
    ...         await self.enter_room(sid, "everyone", namespace=namespace)
    """

    pattern: ClassVar[NamespacePattern] = ""

    def __init__(self) -> None:
        if not self.pattern:
            raise PatternError(f"{type(self).__name__} needs a class attribute 'pattern'")
        self.server = None

    @property
    def namespace(self) -> str:
        """Not one, but many: python-socketio's helpers ask for it where none was given."""
        raise TypeError(
            f"{type(self).__name__} serves every namespace that matches {self.pattern!r}:"
            " say which one, with namespace="
        )


class Route:
    """All handlers of one pattern."""

    __slots__ = ("handlers", "instance", "pattern")

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        self.handlers: dict[str, Handler] = {}
        self.instance: AsyncNamespace | None = None

    def has(self, event: str) -> bool:
        """Whether there is a handler of exactly this event."""
        return event in self.handlers or self._method(event) is not None

    def bind(self, event: str, namespace: Namespace, sid: str) -> Handler | None:
        """Find the handler of an event; what is returned takes the event's own arguments."""
        lead: tuple[object, ...] = (sid,) if self.pattern.literal else (namespace, sid)
        handler = self.handlers.get(event)
        if handler is None and event not in _LIFECYCLE and "*" in self.handlers:
            handler, lead = self.handlers["*"], (event, *lead)
        if handler is None:
            handler = self._method(event)
        if handler is None:
            return None
        found = handler

        def bound(*args: object) -> Any:
            return found(*_fitting(found, event, (*lead, *args)))

        return bound

    def _method(self, event: str) -> Handler | None:
        if self.instance is None:
            return None
        if type(self.instance).trigger_event is not AsyncNamespace.trigger_event:
            return lambda *args: self.instance.trigger_event(event, *args)  # type: ignore[union-attr]
        method = getattr(self.instance, f"on_{event}", None)
        return method if callable(method) else None


class Routes:
    """Every pattern that has handlers. Nothing is open by default.

    Attributes
    ----------
    open : Table[Route]
        The patterns with a connect handler; a client's events go where its CONNECT went.
    """

    def __init__(self) -> None:
        self.open: Table[Route] = Table()
        self._routes: dict[tuple[object, ...], Route] = {}

    def add(self, event: str, handler: Handler, namespace: NamespacePattern) -> None:
        """Register one handler. Raises ``PatternError`` as ``check`` does."""
        route = self.check(event, namespace)
        route.handlers[event] = handler
        self._routes[route.pattern.key] = route
        if event == "connect":
            self.open.add(route.pattern, route)

    def add_instance(self, instance: AsyncNamespace) -> None:
        """Register the methods of a class-based namespace."""
        many = isinstance(instance, PatternNamespace)
        route = self.check("", instance.pattern if many else instance.namespace)
        if route.instance is not None:
            raise PatternError(f"{route.pattern.text!r} has a class-based namespace already")
        was_open = route.has("connect")
        route.instance = instance
        self._routes[route.pattern.key] = route
        if route.has("connect") and not was_open:
            self.open.add(route.pattern, route)

    def check(self, event: str, namespace: NamespacePattern) -> Route:
        """Return the route an event's handler would stand in.

        Raises
        ------
        PatternError
            If the pattern cannot be read, is ours, or equals one registered under other names;
            or if the event has a handler there already.
        """
        pattern = parse(namespace)
        if pattern.segments[:1] == (_OWNED_SEGMENT,):
            raise PatternError(
                f"{pattern.text!r}: {OWNED} belongs to jupyter_sio; watch it with on_open, on_close"
            )
        route = self._routes.get(pattern.key)
        if route is None:
            return Route(pattern)
        if route.pattern.text != pattern.text:
            raise PatternError(
                f"{pattern.text!r} matches the same names as {route.pattern.text!r}, which is"
                " registered already: name its placeholders alike"
            )
        if event and route.has(event):
            raise PatternError(f"{event!r} has a handler for {pattern.text!r} already")
        return route


async def settled(handler: Handler, *args: object) -> Any:
    """Call a handler and await whatever is awaitable, also from a lambda or a partial.

    A coroutine that is not awaited is not False: a gate of which it came would stand open.
    """
    result = handler(*args)
    while inspect.isawaitable(result):
        result = await result
    return result


def _fitting(handler: Handler, event: str, args: tuple[object, ...]) -> tuple[object, ...]:
    """Leave out `auth` or `reason` where the handler has no place for it, as python-socketio does.

    It finds that out by calling twice; a TypeError from inside the handler then runs it again.
    """
    if event not in _LIFECYCLE:
        return args
    try:
        signature = inspect.signature(handler)
    except (TypeError, ValueError):  # a builtin
        return args
    for fitting in (args, args[:-1]):
        try:
            signature.bind(*fitting)
        except TypeError:
            continue
        return fitting
    return args


# --- refusals --------------------------------------------------------------------------------

Refusal: TypeAlias = tuple[str, dict[str, Any]]

NO_SUCH_NAMESPACE: Refusal = ("no such namespace", {"code": int(Code.NOT_PERMITTED)})
REJECTED: Refusal = ("Connection rejected by server", {"code": int(Code.NOT_PERMITTED)})
INTERNAL_ERROR: Refusal = ("internal error", {"code": int(Code.INTERNAL_ERROR)})


def refusal_of(exc: BaseException) -> Refusal | None:
    """Return what a client is told of an exception that means "no"; None where it means none.

    Source: protocol.md §4.
    """
    if isinstance(exc, Refused):
        return str(exc), {"code": int(exc.code), **exc.data}
    if isinstance(exc, foreign.ConnectionRefusedError):
        told = exc.error_args
        return told["message"], _with_code(told.get("data"))
    # With a number first it was not raised on purpose: some database refused the handler.
    if isinstance(exc, ConnectionRefusedError) and not isinstance(exc.errno, int):
        message = str(exc.args[0]) if exc.args else REJECTED[0]
        rest = exc.args[1:]
        return message, _with_code(rest[0] if len(rest) == 1 else rest or None)
    return None


def _with_code(data: Any) -> dict[str, Any]:
    code = REJECTED[1]
    if data is None:
        return dict(code)
    return {**code, **data} if isinstance(data, dict) else {**code, "data": data}


def handler_of(event: str, namespace: str) -> str:
    """Name a handler in the log."""
    return f"the handler of {event!r} in {namespace}"
