"""`jupyter-sio/api/*`: tickets, and what is live. Bodies are JSON of at most 64 KiB.

``openapi.yaml`` beside this file says every answer of every route.

Source: protocol.md §3.
"""

from __future__ import annotations

import json
import math
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import APIHandler
from tornado import web
from tornado.httputil import HTTPHeaders

from jupyter_sio.errors import BadRequest, Code, Overflow, Refused, SioError
from jupyter_sio.limits import Limits
from jupyter_sio.protocol.grants import Claim
from jupyter_sio.protocol.links import share_of
from jupyter_sio.server.access import RESOURCE, Doorkeeper, describe, may, name_of, rights_of
from jupyter_sio.server.directory import Directory
from jupyter_sio.server.discreet import Discreet
from jupyter_sio.server.guests import is_guest
from jupyter_sio.server.identities import Asked, rights_now
from jupyter_sio.server.links import Links, Rights
from jupyter_sio.server.publishers import ask_to_close
from jupyter_sio.server.registry import KernelNamespace, Registry

DESCRIPTION = Path(__file__).with_name("openapi.yaml")


@web.stream_request_body
class RestHandler(Discreet, APIHandler):
    """What all of them share: bounded JSON bodies, and errors ``{"message", "reason"}``.

    A body is bounded while it is read, and never parsed as anything but JSON: tornado would keep
    512 MiB of it, and a form of many small parts would hold up its loop.
    """

    auth_resource = RESOURCE
    _retry_after: int | None = None  # seconds, where trying again makes sense

    def initialize(
        self,
        *,
        registry: Registry,
        directory: Directory,
        doorkeeper: Doorkeeper,
        links: Links,
        limits: Limits,
    ) -> None:
        """Take the parts they answer from."""
        self._links = links
        self._registry = registry
        self._directory = directory
        self._doorkeeper = doorkeeper
        self._limits = limits
        self._received = bytearray()

    async def prepare(self) -> None:  # type: ignore[override]
        """Look at what comes before the body, and at who sends it."""
        self.request.connection.set_body_timeout(self._limits.doors.rest_seconds)  # type: ignore[union-attr]
        if _declared_bytes(self.request.headers) > self._limits.doors.rest_bytes:
            raise self._too_large()
        try:
            self.check_head()
            await super().prepare()
        except web.HTTPError as exc:
            # Answered once the body is in: who is cut off while sending may not see the answer.
            setattr(self, str(self.request.method).lower(), partial(_raise, exc))

    def check_head(self) -> None:
        """Raise for a method or a kind of body that this route does not have."""
        if self.request.method not in self.methods():
            raise web.HTTPError(405, f"this route has {', '.join(self.methods())}")
        if self.request.headers.get("Content-Type", "").lower().startswith("multipart/"):
            raise web.HTTPError(415, "the body must be a JSON object; this is a form")

    def data_received(self, chunk: bytes) -> None:
        """Take in a part of the body; beyond the bound the answer is given and the rest unread."""
        self._received += chunk
        if len(self._received) > self._limits.doors.rest_bytes:
            exc = self._too_large()
            self.send_error(exc.status_code, exc_info=(type(exc), exc, None))

    def _too_large(self) -> web.HTTPError:
        self._doorkeeper.refused_bodies += 1
        return web.HTTPError(413, f"a body may have {self._limits.doors.rest_bytes} bytes")

    def body(self) -> dict[str, Any]:
        """Read the request's body as a JSON object, whatever its Content-Type calls it."""
        try:
            value = json.loads(self._received, parse_constant=_no_json)
        except (ValueError, RecursionError) as exc:
            raise web.HTTPError(400, "the body must be a JSON object") from exc
        if not isinstance(value, dict):
            raise web.HTTPError(400, "the body must be a JSON object")
        return value

    @classmethod
    def methods(cls) -> tuple[str, ...]:
        """List the HTTP methods that this route has."""
        return tuple(
            method
            for method in cls.SUPPORTED_METHODS
            if getattr(cls, method.lower()) is not getattr(web.RequestHandler, method.lower())
        )

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write every error in the one shape, with the header that belongs to it."""
        if self._retry_after is not None:
            self.set_header("Retry-After", self._retry_after)
        if status_code == 405:
            self.set_header("Allow", ", ".join(self.methods()))
        if status_code == 413:  # what is left of the body is not read
            self.set_header("Connection", "close")
        super().write_error(status_code, **kwargs)

    async def check(self, action: str) -> None:
        """Raise 403 unless who asks may do ``action`` to ours."""
        if not await may(action, self.current_user, self):
            raise web.HTTPError(403, f"not permitted to {action} {RESOURCE}")

    def namespace(self, kernel_id: str) -> KernelNamespace:
        """Find a namespace, or answer 404."""
        namespace = self._registry.namespaces.get(kernel_id)
        if namespace is None:
            raise web.HTTPError(404, "no such namespace")
        return namespace


class TicketsHandler(RestHandler):
    """``POST tickets``: a proof against a one-use ticket. The secret is in the body: no XSRF."""

    def check_xsrf_cookie(self) -> None:
        """Check nothing: whoever knows the secret in the body needs no cookie."""

    @allow_unauthenticated
    async def post(self) -> None:
        """Answer ``{ticket, expires_in, kernel_id, grants, streams, events}``."""
        body = self.body()
        if ("claim" in body) == ("link" in body):
            raise web.HTTPError(400, 'the body must be {"claim": {…}} or {"link": secret}')
        try:
            if "link" in body:
                access = await self._links.redeem(_text(body["link"], "link"), self)
            else:
                access = self._doorkeeper.of_claim(Claim.parse(body["claim"]))
        except Overflow as exc:
            self._retry_after = math.ceil(1 / self._limits.doors.link_failures_per_second)
            raise _as_http(exc) from exc
        except (BadRequest, Refused) as exc:
            raise _as_http(exc) from exc
        self.set_header("Cache-Control", "no-store")
        self.finish(
            {
                "ticket": self._doorkeeper.ticket_for(access),
                "expires_in": self._limits.doors.ticket_seconds,
                **describe(access),
            }
        )


class NamespacesHandler(RestHandler):
    """``GET namespaces``: what is live, a plain list."""

    @web.authenticated
    async def get(self) -> None:
        """Answer the list."""
        await self.check("read")
        await self._directory.refresh()
        self.finish(json.dumps(self._directory.entries()))


class NamespaceHandler(RestHandler):
    """``GET namespaces/{kernel_id}``: one, with its viewers."""

    @web.authenticated
    async def get(self, kernel_id: str) -> None:
        """Answer the one."""
        await self.check("read")
        await self._directory.refresh()
        self.finish(json.dumps(self._directory.details(self.namespace(kernel_id))))


class ViewerHandler(RestHandler):
    """``DELETE namespaces/{kernel_id}/viewers/{viewer}``: show somebody the door."""

    @web.authenticated
    async def delete(self, kernel_id: str, viewer_id: str) -> None:
        """Answer 204; the viewer gets `$bye` 3503."""
        await self.check("execute")
        viewer = self.namespace(kernel_id).viewers.get(viewer_id)
        if viewer is None:
            raise web.HTTPError(404, "no such viewer")
        viewer.client.leave(Code.DISCONNECTED, "disconnected by an operator")
        self.set_status(204)
        self.finish()


class StreamHandler(RestHandler):
    """``DELETE namespaces/{kernel_id}/streams/{id}``: have the kernel close a stream."""

    @web.authenticated
    async def delete(self, kernel_id: str, stream_id: str) -> None:
        """Answer 204; the stream ends as soon as the rows pushed before have come."""
        await self.check("execute")
        namespace = self.namespace(kernel_id)
        streams = {str(stream.id): stream for stream in namespace.opened()}
        if stream_id not in streams:
            raise web.HTTPError(404, "no such stream")
        seconds = self._limits.connections.answer_seconds
        try:
            await ask_to_close(namespace, streams[stream_id], seconds=seconds)
        except SioError as exc:
            raise _as_http(exc) from exc
        self.set_status(204)
        self.finish()


class LinksHandler(RestHandler):
    """``links``: the share links of this server, and a new one."""

    @web.authenticated
    async def get(self) -> None:
        """Answer the list, without secrets."""
        await self.check("execute")
        self.finish(json.dumps(self._links.entries()))

    @web.authenticated
    async def post(self) -> None:
        """Answer 201 and the link; its secret is told here only."""
        await self.check("execute")
        user = self.current_user
        try:
            kernel_id, share = share_of(self.body())
            self.namespace(kernel_id)
            made = self._links.make(
                kernel_id,
                share,
                maker=name_of(user),
                rights=self._rights(),
                request=self.request,
            )
        except SioError as exc:
            raise _as_http(exc) from exc
        self.set_header("Cache-Control", "no-store")
        self.set_status(201)
        self.finish(made.answer())

    def _rights(self) -> Rights:
        """Say who is to be asked, as long as the link lives, what its maker may do.

        An owner stays the owner without a login; what a Hub lets a guest do, it may take back.
        """
        if is_guest(self.current_user):
            return partial(rights_now, Asked(self))
        return partial(rights_of, self.current_user)


class LinkHandler(RestHandler):
    """``DELETE links/{id}``: take a link back."""

    @web.authenticated
    async def delete(self, link_id: str) -> None:
        """Answer 204; whoever came by it gets `$bye` 3512 at once."""
        await self.check("execute")
        if not self._links.revoke(link_id):
            raise web.HTTPError(404, "no such link")
        self.set_status(204)
        self.finish()


class DescriptionHandler(RestHandler):
    """``GET openapi.yaml``: all of this, for machines."""

    @web.authenticated
    async def get(self) -> None:
        """Answer the file."""
        await self.check("read")
        self.finish(DESCRIPTION.read_bytes(), set_content_type="application/yaml")


class NothingHandler(RestHandler):
    """Any other path: there is nothing, for nobody, whatever the method."""

    def check_head(self) -> None:
        """Raise 404, to be told in the one shape and not as Jupyter's page."""
        raise web.HTTPError(404, "no such route; jupyter-sio/api/openapi.yaml has them all")


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"{what} must be text")
    return value


def _raise(exc: web.HTTPError, *_: str) -> NoReturn:
    raise exc


def _declared_bytes(headers: HTTPHeaders) -> int:
    try:
        return int(headers.get("Content-Length", "0"))
    except ValueError:  # tornado answers that, as it reads the body
        return 0


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _as_http(exc: SioError) -> web.HTTPError:
    return web.HTTPError(exc.status, str(exc))


ROUTES: tuple[tuple[str, type[RestHandler]], ...] = (
    (r"/jupyter-sio/api/tickets", TicketsHandler),
    (r"/jupyter-sio/api/links", LinksHandler),
    (r"/jupyter-sio/api/links/([^/]+)", LinkHandler),
    (r"/jupyter-sio/api/namespaces", NamespacesHandler),
    (r"/jupyter-sio/api/namespaces/([^/]+)", NamespaceHandler),
    (r"/jupyter-sio/api/namespaces/([^/]+)/viewers/([^/]+)", ViewerHandler),
    (r"/jupyter-sio/api/namespaces/([^/]+)/streams/([^/]+)", StreamHandler),
    (r"/jupyter-sio/api/openapi\.yaml", DescriptionHandler),
    (r"/jupyter-sio/api(?:/.*)?", NothingHandler),
)
