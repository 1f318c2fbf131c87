"""The server extension: traits -> limits; builds every part once and joins them.

The only file that knows all of them.

Source: api.md §3; protocol.md §9.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Bool, Enum, Float, HasTraits, Int, Unicode, default

from jupyter_sio.limits import Limits
from jupyter_sio.server import router_of
from jupyter_sio.server.access import Doorkeeper
from jupyter_sio.server.addresses import Addresses
from jupyter_sio.server.bus import Bus
from jupyter_sio.server.directory import Directory
from jupyter_sio.server.endpoint import SocketHandler
from jupyter_sio.server.fanout import FanOut
from jupyter_sio.server.identities import Identities
from jupyter_sio.server.kernels import Kernels
from jupyter_sio.server.links import Links
from jupyter_sio.server.metrics import Metrics
from jupyter_sio.server.news import News
from jupyter_sio.server.owner import Owner
from jupyter_sio.server.page import page_routes
from jupyter_sio.server.polls import Polls
from jupyter_sio.server.publishers import Publishers
from jupyter_sio.server.registry import KernelNamespace, Registry
from jupyter_sio.server.rest import ROUTES
from jupyter_sio.server.viewers import Viewers

SERVER_VARIABLE = "JUPYTER_SIO_SERVER"
_DEFAULTS = Limits()

# trait -> (group, field) of Limits; one row for each limit of protocol.md §9 and its neighbours.
_LIMITS: dict[str, tuple[str, str, str]] = {
    "viewer_message_bytes": ("inbound", "viewer_bytes", "one message from a viewer"),
    "kernel_message_bytes": ("inbound", "kernel_bytes", "one message from a kernel"),
    "event_name_bytes": ("inbound", "event_name_bytes", "an event's name"),
    "stream_name_bytes": ("inbound", "stream_name_bytes", "a stream's name"),
    "events_per_second": ("rates", "events_per_second", "user events of one viewer, on average"),
    "event_burst": ("rates", "event_burst", "user events of one viewer at once"),
    "max_namespaces": ("connections", "namespaces", "namespaces of one connection"),
    "max_subscriptions": ("connections", "subscriptions", "subscriptions of one connection"),
    "max_connections": ("connections", "connections", "connections of this server"),
    "connect_seconds": ("connections", "connect_seconds", "until a CONNECT must be accepted"),
    "answer_seconds": ("connections", "answer_seconds", "how long an event's answer is awaited"),
    "outstanding_bytes": (
        "transport",
        "outstanding_bytes",
        "in one viewer's transport; above it that viewer's streams wait",
    ),
    "stall_seconds": (
        "transport",
        "stall_seconds",
        "without a byte leaving although data is due, then 3008",
    ),
    "ping_interval": ("transport", "ping_interval", "between two Engine.IO pings"),
    "ping_timeout": (
        "transport",
        "ping_timeout",
        "how long a sign of life is awaited after a ping",
    ),
    "history_bytes": ("history", "bytes", "history of one stream, unless it asks otherwise"),
    "kernel_history_bytes": ("memory", "kernel_bytes", "history of all streams of one kernel"),
    "server_history_bytes": (
        "memory",
        "server_bytes",
        "history of all kernels; streams of ended kernels leave first",
    ),
    "max_streams": ("memory", "streams", "streams of one kernel"),
    "max_tickets": ("doors", "tickets", "open tickets"),
    "max_nonces": ("doors", "nonces", "remembered nonces"),
    "ticket_seconds": ("doors", "ticket_seconds", "how long a ticket lives"),
    "link_max_lifetime": (
        "links",
        "lifetime_seconds",
        "the longest a share link lives, in seconds",
    ),
    "max_links": ("links", "links", "share links of this server"),
    "identity_seconds": (
        "doors",
        "identity_seconds",
        "between two looks at a live connection's identity",
    ),
    "identity_check_seconds": ("doors", "identity_check_seconds", "how long such a look may take"),
    "identity_grace_seconds": (
        "doors",
        "identity_grace_seconds",
        "how long a connection stays whose identity nobody can check",
    ),
    "ended_seconds": (
        "lifetime",
        "ended_seconds",
        "how long an ended kernel's streams stay readable",
    ),
    "sweep_seconds": ("lifetime", "sweep_seconds", "between two looks at the list of kernels"),
}


def _unit(name: str) -> str:
    if "bytes" in name:
        return "bytes"
    return "seconds" if name.endswith("_seconds") or name.startswith("ping_") else "number"


def _trait(name: str) -> Any:
    group, attribute, what = _LIMITS[name]
    default = getattr(getattr(_DEFAULTS, group), attribute)
    kind: Any = Float if isinstance(default, float) else Int
    # Names are also read by kernels and viewers, who know the wire's own bound: it is the highest.
    most = default if name.endswith("_name_bytes") else None
    return kind(default, min=0, max=most, config=True, help=f"Limit, {_unit(name)}: {what}.")


# One trait for each row of the table: `c.JupyterSio.history_bytes = …`.
_LimitTraits: Any = type("LimitTraits", (HasTraits,), {name: _trait(name) for name in _LIMITS})


class JupyterSio(_LimitTraits, ExtensionApp):  # type: ignore[misc]
    """Live data from kernels to whoever may watch, over Socket.IO."""

    name = "jupyter_sio"
    extension_url = "/"
    load_other_extensions = True

    kernel_url = Unicode(
        "", config=True, help="The address kernels use, where it is not this server's own."
    )
    public_url = Unicode(
        "",
        config=True,
        help="What share links begin with (https://host), where it is not the address the user"
        " came by.",
    )
    allow_links = Bool(
        config=True,
        help="Whether share links may be made and used: whoever has one watches without a login."
        " True, but under JupyterHub False.",
    )

    @default("allow_links")
    def _allow_links_unless_hub(self) -> bool:
        return "JUPYTERHUB_SERVICE_PREFIX" not in os.environ

    polling = Bool(
        False,
        config=True,
        help="Whether Socket.IO may also be spoken by HTTP long-polling, where no WebSocket gets"
        " through. A session that is polled is bound to the Jupyter identity that opened it.",
    )
    keep_alive = Enum(
        ("publishing", "watched", "never"),
        default_value="publishing",
        config=True,
        help="What counts as a kernel's activity, so that it is not culled as idle.",
    )

    def limits(self) -> Limits:
        """Read the traits into the values that the parts are built with."""
        limits = _DEFAULTS
        for name, (group, attribute, _) in _LIMITS.items():
            changed = replace(getattr(limits, group), **{attribute: getattr(self, name)})
            limits = replace(limits, **{group: changed})
        return limits

    def initialize_handlers(self) -> None:
        """Build the parts, join them, and mount their doors."""
        serverapp, limits = self.serverapp, self.limits()
        assert serverapp is not None
        self.registry = Registry(limits)
        self.router = router_of(serverapp)
        self.router.configure(limits)
        self.news = News(limits.transport)
        self.fanout = FanOut(limits.transport)
        self.directory = Directory(
            registry=self.registry, news=self.news, session_manager=serverapp.session_manager
        )
        self.kernels = Kernels(
            registry=self.registry,
            news=self.news,
            kernel_manager=serverapp.kernel_manager,
            bounds=limits.lifetime,
            keep_alive=self.keep_alive,
            settings=serverapp.web_app.settings,
            log=self.log,
        )
        self.links = Links(
            registry=self.registry,
            bounds=limits.links,
            doors=limits.doors,
            allowed=self.allow_links,
            addresses=Addresses(
                serverapp=serverapp, public_url=self.public_url, sessions=self.router.eio.sockets
            ),
            tell=Bus(serverapp.event_logger).link,
        )
        viewers = Viewers(registry=self.registry, fanout=self.fanout, news=self.news, limits=limits)
        self.publishers = Publishers(
            registry=self.registry,
            fanout=self.fanout,
            news=self.news,
            limits=limits,
            kernel_pid=self.kernels.pid,
            links=self.links,
        )
        self.owner = Owner(
            registry=self.registry,
            fanout=self.fanout,
            viewers=viewers,
            publishers=self.publishers,
            directory=self.directory,
            limits=limits,
            look_at_kernel=self.kernels.publisher_lost,
            adopt=self.kernels.adopt,
            alive=self.links.alive,
        )
        self._join_parts()
        self.doorkeeper = doorkeeper = Doorkeeper(
            kernel_manager=serverapp.kernel_manager, bounds=limits.doors, alive=self.links.alive
        )
        self.identities = Identities(
            sessions=self.router.eio.sockets,
            doorkeeper=doorkeeper,
            links=self.links,
            bounds=limits.doors,
            log=self.log,
        )
        self.metrics = Metrics(
            {
                "router": self.router,
                "registry": self.registry,
                "publishers": self.publishers,
                "viewers": viewers,
                "fanout": self.fanout,
                "links": self.links,
                "identities": self.identities,
                "doorkeeper": doorkeeper,
            }
        )
        self._mount(doorkeeper, limits)

    def _join_parts(self) -> None:
        def opened(namespace: KernelNamespace) -> None:
            self.router.announce_open(namespace.name)
            self.news.changed(namespace)

        def closed(namespace: KernelNamespace) -> None:
            self.router.announce_close(namespace.name)
            self.news.gone(namespace)
            self.links.kernel_gone(namespace)

        self.registry.on_opened = opened
        self.registry.on_closed = closed
        self.publishers.on_activity = self.kernels.published
        self.kernels.on_ended = self.owner.kernel_ended
        self.kernels.on_over = self.owner.dismiss
        self.router.reserve(self.owner)

    def _mount(self, doorkeeper: Doorkeeper, limits: Limits) -> None:
        self.polls = Polls(router=self.router, limits=limits) if self.polling else None
        socket = {
            "router": self.router,
            "doorkeeper": doorkeeper,
            "limits": limits,
            "polls": self.polls,
        }
        rest = {
            "registry": self.registry,
            "directory": self.directory,
            "doorkeeper": doorkeeper,
            "links": self.links,
            "limits": limits,
        }
        self.handlers.append((r"/jupyter-sio/socket\.io/?", SocketHandler, socket))
        self.handlers.extend((path, handler, rest) for path, handler in ROUTES)
        self.handlers.extend(page_routes())

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Begin to follow kernels; the loop runs and the sockets are bound."""
        self._tell_kernels()
        self.directory.start()
        self.identities.start()
        self.metrics.start()
        await self.kernels.start(serverapp.event_logger)

    def _tell_kernels(self) -> None:
        """Set the variable by which kernels started from here find this server.

        It names our pid: a variable alone leaks into a second server started from our terminal.
        """
        serverapp = self.serverapp
        assert serverapp is not None
        url = self.kernel_url or serverapp.connection_url
        found = {
            "pid": os.getpid(),
            "url": url if url.endswith("/") else url + "/",
            "sock": serverapp.sock or "",
            "ca": os.path.abspath(serverapp.certfile) if serverapp.certfile else "",
        }
        os.environ[SERVER_VARIABLE] = json.dumps(found)

    def current_activity(self) -> dict[str, int] | None:
        """Say what is live; truthy makes ``shutdown_no_activity`` wait."""
        viewers = self.registry.counts().viewers
        return {"viewers": viewers} if viewers and self.keep_alive == "watched" else None

    async def stop_extension(self) -> None:
        """Say goodbye (3001) and stop every timer and task; to raise here would hang Jupyter."""
        try:
            await self.router.shutdown()
            await self.identities.stop()
            await self.kernels.stop()
            self.links.stop()
            self.metrics.stop()
            self.directory.stop()
            self.publishers.stop()
            self.fanout.stop()
            self.news.stop()
        except Exception:
            self.log.exception("jupyter_sio did not stop cleanly")
