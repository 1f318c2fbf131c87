"""The one publisher of this process, and its methods as functions of the module.

``connect`` may be called or not: the first other call does it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from jupyter_sio.kernel.handlers import Thread
from jupyter_sio.kernel.publisher import F, Publisher

P = ParamSpec("P")
R = TypeVar("R")

_publisher = Publisher()


def default() -> Publisher:
    """Get this process's publisher; connects it on first use."""
    if not _publisher.tried:
        _publisher.connect()
    return _publisher


def _function(
    method: Callable[Concatenate[Publisher, P], R], of: Callable[[], Publisher]
) -> Callable[P, R]:
    @functools.wraps(method)
    def function(*args: P.args, **kwargs: P.kwargs) -> R:
        return method(of(), *args, **kwargs)

    parameters = list(inspect.signature(method).parameters.values())[1:]
    signature = inspect.signature(method).replace(parameters=parameters)
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


@functools.wraps(Publisher.on)
def _on(event: str, *, thread: Thread | None = None) -> Callable[[F], F]:
    register = _publisher.on(event, thread=thread)

    def add(function: F) -> F:
        register(function)
        default()  # only now: a viewer may send the event in the moment we are online
        return function

    return add


_on.__signature__ = inspect.signature(_on, follow_wrapped=False)  # type: ignore[attr-defined]
on = _on
connect = _function(Publisher.connect, lambda: _publisher)
stream = _function(Publisher.stream, default)
emit = _function(Publisher.emit, default)
call = _function(Publisher.call, default)
drain = _function(Publisher.drain, default)
wait_for = _function(Publisher.wait_for, default)
viewers = _function(Publisher.viewers, default)
join = _function(Publisher.join, default)
leave = _function(Publisher.leave, default)
mirror = _function(Publisher.mirror, default)
share = _function(Publisher.share, default)
