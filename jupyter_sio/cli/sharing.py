"""`jupyter sio share KERNEL [STREAM …]`."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any
from urllib.parse import urlsplit

from jupyter_sio.cli import servers
from jupyter_sio.cli.links import local_time
from jupyter_sio.errors import BadRequest
from jupyter_sio.protocol.links import seconds_of

NAME = "share"
HELP = "make a link by which others watch without a login"
DESCRIPTION = """\
Make a share link and print its URL. Whoever has the URL watches the kernel's streams that it
shows, and can do nothing else: not run code, not see other streams or kernels, and send only
the events that --send names. The URL is shown once; the server keeps no copy of its secret.

  jupyter sio share train.ipynb                          every stream, for 24 hours
  jupyter sio share train.ipynb loss 'grad/*' --expires 90m
  jupyter sio share 5f0c7a3e --send stop --label "for Bob"

The URL goes to stdout, alone; for how long it is good goes to stderr. `jupyter sio links` lists
what is shared, `jupyter sio revoke` takes it back."""

_UNITS = ((86_400, "days"), (3_600, "hours"), (60, "minutes"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    parser.add_argument("kernel", help="its id or the beginning of it, or its notebook's path")
    parser.add_argument(
        "streams",
        nargs="*",
        default=[],
        metavar="STREAM",
        help="a stream's name, or a pattern such as 'grad/*'; default: every stream",
    )
    parser.add_argument(
        "--send",
        action="append",
        default=[],
        metavar="EVENT",
        help="an event that those who come by the link may send; may be given again",
    )
    parser.add_argument(
        "--expires",
        type=_duration,
        default="24h",
        metavar="TIME",
        help="how long it is good: seconds, or such as 45s, 90m, 24h, 7d (default: 24h)",
    )
    parser.add_argument(
        "--label", default="", metavar="TEXT", help="for people, at most 64 characters"
    )
    parser.add_argument("--json", action="store_true", help="print all that the server answers")
    servers.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Make the link and print it."""
    live = servers.ask(servers.find(options))
    server, namespace = servers.find_kernel(live, options.kernel)
    known = {stream["stream"] for stream in namespace["streams"]}
    for name in options.streams:
        if name not in known and not set(name) & set("*?["):
            _note(f"there is no stream {name!r} yet; the link shows it once there is")
    link = server.post(
        "links",
        {
            "kernel_id": namespace["kernel_id"],
            "streams": options.streams,
            "send": options.send,
            "expires": options.expires,
            "label": options.label,
        },
    )
    print(json.dumps(link) if options.json else link["url"], flush=True)
    _explain(link)
    return 0


def _explain(link: dict[str, Any]) -> None:
    what = ", ".join(link["streams"]) or "every stream"
    may = f", and may send {', '.join(link['send'])}" if link["send"] else ""
    good = _span((link["expires"] - link["created"]) / 1000)
    _note(f"shows {what}{may}; good for {good}, until {local_time(link['expires'])}")
    _note(f"to take it back: jupyter sio revoke {link['id']}")
    if urlsplit(link["url"]).hostname in ("localhost", "127.0.0.1", "::1"):
        _note(
            "this address works on this machine only; set c.JupyterSio.public_url to the one by "
            "which others reach the server"
        )


def _span(seconds: float) -> str:
    for unit, name in _UNITS:
        if seconds >= 2 * unit and seconds % unit == 0:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:g} seconds"


def _note(text: str) -> None:
    print(f"jupyter sio: {text}", file=sys.stderr)


def _duration(text: str) -> float | str:
    try:
        value: float | str = float(text)
    except ValueError:
        value = text
    try:
        seconds_of(value)
    except BadRequest as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc
    return value
