"""A server extension with dynamic namespaces of its own.

Two handlers: one on ``/*`` that prints every namespace somebody asks for and lets everybody in,
and one on ``/courses/*`` that lets in whoever may see the course. The second is the more specific
pattern, so a course is never let in by the first.

Enable it with ``c.ServerApp.jpserver_extensions = {"jupyter_sio": True, "namespaces": True}``.
A client: ``io("/courses/algebra", {path: "/jupyter-sio/socket.io", transports: ["websocket"]})``.
"""

from __future__ import annotations

from typing import Any

from jupyter_sio.server import router_of

MEMBERS = {"algebra": {"ada", "emmy"}, "optics": {"ibn"}}


async def may_join(course_id: str, user: str) -> bool:
    """Ask whoever knows; here a table, elsewhere a database or another service."""
    return user in MEMBERS.get(course_id, ())


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "namespaces"}]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    router = router_of(serverapp)

    @router.on("connect", namespace="/*")
    def connect(namespace, sid, environ, auth):
        print(f"somebody opens the namespace {namespace}")

    @router.on("connect", namespace="/courses/*")
    async def join(namespace, sid, environ, auth):
        course_id = namespace.split("/")[-1]
        if not await may_join(course_id, environ["jupyter_sio.user"]):
            return False
        await router.enter_room(sid, course_id, namespace=namespace)

    @router.on("message", namespace="/courses/*")
    async def message(namespace, sid, data):
        course_id = namespace.split("/")[-1]
        await router.emit("message", data, to=course_id, skip_sid=sid, namespace=namespace)
