"""Finding running servers, and what is live on them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from jupyter_sio.cli.problem import NOT_FOUND, NOT_PERMITTED, USAGE, Problem
from jupyter_sio.errors import NotPermitted
from jupyter_sio.protocol.target import Target
from jupyter_sio.viewer import door

Namespace = dict[str, Any]  # as `GET namespaces` writes it
Link = dict[str, Any]  # as `GET links` writes it

TOKEN_VARIABLE = "JUPYTER_TOKEN"


@dataclass(frozen=True, slots=True)
class Server:
    """A Jupyter server to ask."""

    url: str
    token: str = field(default="", repr=False)

    def namespaces(self) -> list[Namespace]:
        """Ask what is live. Raises ``NotPermitted``, or OSError where it cannot be reached."""
        return self._list("namespaces")

    def links(self) -> list[Link]:
        """Ask for the share links. Raises as ``namespaces``."""
        return self._list("links")

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make something; returns what was made. Raises as ``namespaces``."""
        target = self._target()
        made = door.post(target.api(path), body, target.headers)
        if not isinstance(made, dict):
            raise door.Unreachable(f"{self.url} answered something other than an object")
        return made

    def delete(self, path: str) -> None:
        """Take something away. Raises as ``namespaces``."""
        target = self._target()
        door.delete(target.api(path), target.headers)

    def _list(self, path: str) -> list[dict[str, Any]]:
        target = self._target()
        found = door.get(target.api(path), target.headers)
        if not isinstance(found, list):
            raise door.Unreachable(f"{self.url} answered something other than a list")
        return found

    def _target(self) -> Target:
        try:
            # Any kernel: the target is only good for its addresses here.
            return Target.parse(self.url, kernel_id="*", token=self.token)
        except ValueError as exc:
            raise Problem(str(exc), status=USAGE) from exc


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Let the user name the server."""
    parser.add_argument(
        "--url", help="the server's address; default: every server of yours that runs here"
    )
    parser.add_argument(
        "--token",
        help=f"its token; better left to the variable {TOKEN_VARIABLE}, which ps does not show",
    )


def find(options: argparse.Namespace) -> list[Server]:
    """Find the servers that the options mean.

    Raises
    ------
    Problem
        If none is running.
    """
    given = options.token or os.environ.get(TOKEN_VARIABLE, "")
    if options.url:
        return [Server(options.url, given)]
    from jupyter_server.serverapp import list_running_servers

    servers = [
        Server(info["url"], options.token or info.get("token") or given)
        for info in list_running_servers()
        if not info.get("sock")  # a Unix socket has no address that a WebSocket could use
    ]
    if not servers:
        raise Problem(
            "no running Jupyter server found: start one, or name it with --url and --token",
            status=NOT_FOUND,
        )
    return servers


def ask(
    servers: Sequence[Server],
    question: Callable[[Server], list[dict[str, Any]]] = Server.namespaces,
) -> list[tuple[Server, dict[str, Any]]]:
    """Ask all of them, for what is live unless told; those that do not answer are on stderr.

    Raises
    ------
    Problem
        If not one of them answered.
    """
    found: list[tuple[Server, dict[str, Any]]] = []
    failures: list[Exception] = []
    for server in servers:
        try:
            found += [(server, one) for one in question(server)]
        except (NotPermitted, OSError) as exc:
            failures.append(exc)
    if len(failures) == len(servers):
        raise _worst(failures)
    for failure in failures:
        print(f"jupyter sio: {failure}", file=sys.stderr)
    return found


def _worst(failures: Sequence[Exception]) -> Problem:
    refused = [f for f in failures if isinstance(f, NotPermitted) and f.status != 404]
    shown = "; ".join(map(str, refused or failures))
    return Problem(shown, status=NOT_PERMITTED if refused else NOT_FOUND)


def find_kernel(live: Iterable[tuple[Server, Namespace]], wanted: str) -> tuple[Server, Namespace]:
    """Find the one kernel whose id begins with ``wanted``, or whose notebook it is.

    Raises
    ------
    Problem
        If there is none, or more than one.
    """
    live = list(live)
    found = [(server, ns) for server, ns in live if wanted in (ns["path"], ns["name"])]
    found = found or [(server, ns) for server, ns in live if ns["kernel_id"].startswith(wanted)]
    # An ended kernel stays readable for a while, and its notebook may have a new one.
    found = [(server, ns) for server, ns in found if ns["state"] != "dead"] or found
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(ns["kernel_id"] for _, ns in found)
        raise Problem(f"{wanted!r} may be {ids}: give more of the id", status=USAGE)
    known = ", ".join(f"{ns['kernel_id'][:8]} {ns['path']}".rstrip() for _, ns in live)
    raise Problem(f"no kernel {wanted!r}; there are: {known or 'none'}", status=NOT_FOUND)
