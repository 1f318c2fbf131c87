"""`jupyter sio links`."""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timezone

from jupyter_sio.cli import servers
from jupyter_sio.cli.listing import add_format, table
from jupyter_sio.cli.servers import Link

NAME = "links"
HELP = "the share links, and who watches by each"
DESCRIPTION = """\
List the share links of the running Jupyter servers: what each shows, until when it is good, how
often it was used, and who watches by it now. No secret is shown: a link's URL is told once, to
whoever makes it."""

HEADINGS = ("ID", "KERNEL", "STREAMS", "MAY SEND", "LABEL", "EXPIRES", "USES", "WATCHING")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    add_format(parser)
    servers.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print the list."""
    found = servers.ask(servers.find(options), servers.Server.links)
    if options.format == "json":
        print(json.dumps([{"server": server.url, **link} for server, link in found]))
    else:
        print(table([row(link) for _, link in found], HEADINGS))
    return 0


def row(link: Link) -> tuple[str, ...]:
    """Write one link as the table has it."""
    names = ", ".join(viewer["name"] for viewer in link["viewers"])
    return (
        link["id"],
        link["kernel_id"][:8],
        ", ".join(link["streams"]) or "all",
        ", ".join(link["send"]) or "-",
        link["label"] or "-",
        local_time(link["expires"]),
        str(link["uses"]),
        f"{len(link['viewers'])} ({names})" if names else "0",
    )


def local_time(ms: int) -> str:
    """Write a time of the wire as this machine's clock shows it."""
    return f"{datetime.fromtimestamp(ms / 1000, timezone.utc).astimezone():%Y-%m-%d %H:%M}"
