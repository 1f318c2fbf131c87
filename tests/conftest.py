"""What holds for every test."""

from __future__ import annotations

import signal

# The background jobs of a shell ignore Ctrl-C, and all that they start inherits that: a run of the
# tests begun like this would start kernels that nobody can interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
