"""`jupyter sio …`: demo, list, watch, share, links, revoke.

Exit codes: 0 it ended · 1 an error · 2 wrong usage · 3 not permitted · 4 no such server, kernel,
stream or link · 130 interrupted. What was asked for goes to stdout, everything else to stderr.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from jupyter_sio.cli import demo, links, listing, revoking, sharing, watching
from jupyter_sio.cli.problem import ERROR, INTERRUPTED, NOT_PERMITTED, USAGE, Problem
from jupyter_sio.errors import NotPermitted, SioError

_EPILOG = """\
exit codes: 0 it ended, 1 an error, 2 wrong usage, 3 not permitted,
4 no such server, kernel, stream or link, 130 interrupted"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    parser = _parser()
    options = parser.parse_args(argv)
    logging.basicConfig(format="jupyter sio: %(message)s", stream=sys.stderr)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except BrokenPipeError:
        _forget_stdout()
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except Problem as problem:
        return _say(problem, problem.status)
    except NotPermitted as exc:
        return _say(exc, NOT_PERMITTED)
    except (SioError, OSError) as exc:
        return _say(exc, ERROR)


def _say(problem: Exception, status: int) -> int:
    print(f"jupyter sio: {problem}", file=sys.stderr)
    return status


def _forget_stdout() -> None:
    # Whoever read us has left; the interpreter's own flush at exit must not complain about it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Parser(argparse.ArgumentParser):
    _mixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Let options stand between the arguments: `share KERNEL --expires 1h STREAM`."""
        if self._subparsers is not None or self._mixing:
            return super().parse_known_args(args, namespace)
        self._mixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixing = False

    def error(self, message: str) -> NoReturn:
        """Leave with our code, and without repeating arguments, of which one may be a token."""
        self.print_usage(sys.stderr)
        if message.startswith("unrecognized arguments"):
            message = "there are arguments that this command does not know"
        self.exit(USAGE, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="jupyter sio",
        description="Live data from running Jupyter kernels.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (demo, listing, watching, sharing, links, revoking):
        one = commands.add_parser(
            command.NAME,
            help=command.HELP,
            description=command.DESCRIPTION,
            epilog=_EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(one)
        one.set_defaults(run=command.run)
    return parser
