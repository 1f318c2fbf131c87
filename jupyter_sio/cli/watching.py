"""`jupyter sio watch KERNEL STREAM`."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from dataclasses import replace

from jupyter_sio.cli import servers
from jupyter_sio.cli.problem import NOT_FOUND, USAGE, Problem
from jupyter_sio.cli.writing import FORMATS, Writer
from jupyter_sio.errors import BadRequest
from jupyter_sio.viewer import Batch, watch

NAME = "watch"
HELP = "print a stream's rows as they come"
DESCRIPTION = """\
Print a stream's rows to stdout as they come: first its history, then live, until the kernel
ends. A lost connection is resumed; rows that could not be had are told on stderr.

formats:
  json   one object for each row (default)
  csv    a header, then one line for each row; a column that appears later is left out, with
         a note on stderr; a missing value is an empty field
  arrow  an Arrow IPC stream; where the columns change it ends and another one begins"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    parser.add_argument(
        "kernel", help="its id or the beginning of it, its notebook's path, or a share link"
    )
    parser.add_argument("stream", help="the stream's name")
    parser.add_argument("--format", choices=tuple(FORMATS), default="json")
    parser.add_argument(
        "--tail", type=_count, metavar="N", help="begin N rows before the newest (default: all)"
    )
    parser.add_argument("--max-rows", type=_count, metavar="N", help="stop after N rows")
    parser.add_argument(
        "--mode",
        choices=("every", "latest"),
        help="latest: only the newest rows, skipping what comes too fast",
    )
    parser.add_argument(
        "--wait", action="store_true", help="wait for the stream if there is none of that name yet"
    )
    servers.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print until the kernel ends."""
    if options.format == "arrow" and sys.stdout.isatty():
        raise Problem("Arrow is binary: redirect it, as in … > rows.arrows", status=USAGE)
    target, kernel_id, token = _where(options)
    try:
        batches = watch(
            target,
            options.stream,
            kernel_id=kernel_id,
            token=token,
            tail=options.tail,
            mode=options.mode,
        )
    except (BadRequest, ValueError) as exc:
        raise Problem(str(exc), status=USAGE) from exc
    with contextlib.closing(batches):
        print_rows(FORMATS[options.format](sys.stdout.buffer), batches, options.max_rows)
    return 0


def print_rows(writer: Writer, batches: Iterator[Batch], max_rows: int | None) -> None:
    """Write batches until they end, or ``max_rows`` rows are written."""
    left = sys.maxsize if max_rows is None else max_rows
    begun = False
    try:
        while left > 0 and (batch := next(batches, None)) is not None:
            if batch.gap:
                _note(f"{batch.gap:,} rows are missing here")
            if batch.fresh and begun:
                _note("the stream begins anew here")
            writer.write(replace(batch, rows=min(batch.rows, left)))
            left -= batch.rows
            begun = True
    finally:
        writer.close()


def _note(text: str) -> None:
    print(f"jupyter sio: {text}", file=sys.stderr)


def _where(options: argparse.Namespace) -> tuple[str, str | None, str | None]:
    """Find target, kernel's id and token for ``watch``."""
    if options.kernel.startswith(("http://", "https://")):
        return options.kernel, None, None
    live = servers.ask(servers.find(options))
    server, namespace = servers.find_kernel(live, options.kernel)
    known = [stream["stream"] for stream in namespace["streams"]]
    if options.stream not in known and not options.wait:
        there = ", ".join(known) or "none"
        raise Problem(
            f"no stream {options.stream!r}; there are: {there} (--wait waits for it)",
            status=NOT_FOUND,
        )
    return server.url, namespace["kernel_id"], server.token


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"a whole number from 0 is expected; got {text!r}")
    return int(text)
