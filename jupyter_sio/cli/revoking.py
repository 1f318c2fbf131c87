"""`jupyter sio revoke ID …`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from jupyter_sio.cli import servers
from jupyter_sio.cli.problem import NOT_FOUND, USAGE, Problem
from jupyter_sio.cli.servers import Link, Server

NAME = "revoke"
HELP = "take share links back"
DESCRIPTION = """\
Take share links back: they open nothing any more, and whoever watches by them is disconnected at
once. `jupyter sio links` lists them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    parser.add_argument(
        "ids", nargs="+", metavar="ID", help="a link's id, or enough of its beginning"
    )
    servers.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Revoke each; what is not there is told after the others were."""
    found = servers.ask(servers.find(options), Server.links)
    missing = []
    for wanted in options.ids:
        chosen = [(server, link) for server, link in found if link["id"].startswith(wanted)]
        if not chosen:
            missing.append(wanted)
            continue
        _revoke(wanted, chosen)
    if missing:
        there = ", ".join(link["id"] for _, link in found) or "none"
        raise Problem(f"no link {', '.join(missing)}; there are: {there}", status=NOT_FOUND)
    return 0


def _revoke(wanted: str, chosen: Sequence[tuple[Server, Link]]) -> None:
    if len(chosen) > 1:
        ids = ", ".join(link["id"] for _, link in chosen)
        raise Problem(f"{wanted!r} may be {ids}: give more of the id", status=USAGE)
    ((server, link),) = chosen
    server.delete(f"links/{link['id']}")
    watching = len(link["viewers"])
    print(f"{link['id']} revoked" + (f"; {watching} watched by it" if watching else ""))
