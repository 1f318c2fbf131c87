"""`jupyter sio list`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from jupyter_sio.cli import servers
from jupyter_sio.cli.servers import Namespace

NAME = "list"
HELP = "the running kernels, their streams, and how many watch"
DESCRIPTION = "List the kernels of the running Jupyter servers that jupyter_sio knows."

HEADINGS = ("KERNEL", "NAME", "STATE", "PUBLISHER", "STREAMS", "VIEWERS")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    add_format(parser)
    servers.add_arguments(parser)


def add_format(parser: argparse.ArgumentParser) -> None:
    """Let the user choose between a table and JSON."""
    parser.add_argument(
        "--format", choices=("table", "json"), default="table", help="default: table"
    )
    parser.add_argument(
        "--json",
        dest="format",
        action="store_const",
        const="json",
        help="the same as --format json",
    )


def run(options: argparse.Namespace) -> int:
    """Print the list."""
    live = servers.ask(servers.find(options))
    if options.format == "json":
        print(json.dumps([{"server": server.url, **namespace} for server, namespace in live]))
    else:
        print(table([row(namespace) for _, namespace in live]))
    return 0


def row(namespace: Namespace) -> tuple[str, ...]:
    """Write one kernel as the table has it; the id's beginning is enough for ``watch``."""
    streams = ", ".join(
        f"{stream['stream']} ({stream['next']:,} rows{', ended' * stream['ended']})"
        for stream in namespace["streams"]
    )
    return (
        namespace["kernel_id"][:8],
        namespace["path"] or namespace["name"] or "-",
        namespace["state"],
        namespace["publisher"],
        streams or "-",
        str(namespace["viewers"]),
    )


def table(rows: Sequence[Sequence[str]], headings: Sequence[str] = HEADINGS) -> str:
    """Write rows below their headings, each column as wide as it must be."""
    lines = [headings, *([_printable(cell) for cell in cells] for cells in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _printable(text: str) -> str:
    # Stream and file names are anybody's; a terminal obeys control characters.
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
