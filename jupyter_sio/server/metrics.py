"""What the parts count, under Prometheus' names, on Jupyter's own ``/metrics``.

The parts know nothing of this: it reads what each has counted when somebody asks.

Source: api.md §3 ("Metrics appear on Jupyter's own ``/metrics``"); Prometheus' naming rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

PREFIX = "jupyter_sio_"


class Row(NamedTuple):
    """One number: the part that has it, the attribute it is, and what it says."""

    part: str
    attribute: str
    help: str
    name: str = ""  # where the attribute's own name says too little beside the others

    @property
    def full_name(self) -> str:
        """The metric's name, without Prometheus' ``_total``."""
        return PREFIX + (self.name or self.attribute)


# What is there now.
GAUGES = (
    Row("router", "connections", "Sockets that are open."),
    Row("router", "clients", "Sockets times the namespaces each has joined."),
    Row("router", "namespaces", "Namespaces that are live, other extensions' too."),
    Row("registry", "namespaces", "Kernels that have a namespace.", "kernels"),
    Row("registry", "streams", "Streams, ended ones that can still be read too."),
    Row("registry", "viewers", "Viewers of kernels."),
    Row("registry", "subscriptions", "Subscriptions of viewers to streams."),
    Row("registry", "publishers", "Kernels whose publisher is online."),
    Row("registry", "history_bytes", "Bytes of history held."),
    Row("links", "links", "Share links that have not ended."),
)

# What has happened since the server began.
COUNTERS = (
    Row("router", "refused_connections", "Connections refused for their number."),
    Row("router", "refused", "CONNECTs that were refused.", "refused_connects"),
    Row("router", "malformed", "Connections closed for what they sent (3501)."),
    Row("router", "oversized", "Of these, for a message above its limit."),
    Row("router", "unconnected", "Connections closed that joined nothing in time (3502)."),
    Row("router", "refused_namespaces", "CONNECTs refused for their number (3505)."),
    Row("router", "dropped_events", "User events not sent to clients that lag."),
    Row("router", "overflowed_events", "Clients' events refused for want of room (3013)."),
    Row("router", "unanswered", "Calls given up because too many waited.", "unanswered_calls"),
    Row("router", "held", "Times a socket was not read for a while.", "held_reads"),
    Row("router", "stalled", "Connections closed because nothing left them (3008)."),
    Row("router", "overfull", "Polled connections closed for want of room (3008)."),
    Row("router", "ping_timeouts", "Connections that gave no sign of life."),
    Row("router", "failed_handlers", "Handlers that raised."),
    Row("router", "slow_handlers", "Connect and disconnect handlers that took too long."),
    Row("registry", "evicted_for_memory", "Payloads that left for want of memory."),
    Row("publishers", "rows_taken", "Rows taken in from kernels."),
    Row("publishers", "events_dropped", "Kernels' events not sent to viewers that lag."),
    Row("viewers", "events_passed_on", "Viewers' events passed on to kernels."),
    Row("viewers", "refused_events", "Viewers' events beyond their rate (3013)."),
    Row("fanout", "batches_sent", "Batches sent to viewers."),
    Row("fanout", "gaps_told", "Gaps told to viewers."),
    Row("links", "refused", "Attempts to use a link that were refused.", "refused_links"),
    Row("links", "limited", "Attempts to use a link beyond an address's rate.", "limited_links"),
    Row("identities", "checks", "Looks at the identity of who is connected.", "identity_checks"),
    Row("identities", "unanswered", "Such looks that got no answer.", "identity_unanswered"),
    Row("identities", "ended", "Connections that ended by them.", "identity_ended"),
    Row("doorkeeper", "refused_bodies", "REST bodies that were too large."),
)


class Metrics(Collector):
    """Reads the parts' numbers for Prometheus.

    Parameters
    ----------
    parts : Mapping[str, object]
        By the names the rows give them. What a part says of itself as a whole, its
        ``statistics()`` or ``counts()``, goes before its attributes.
    """

    def __init__(self, parts: Mapping[str, Any]) -> None:
        self._parts = parts
        self._registered = False

    def start(self) -> None:
        """Appear on ``/metrics``; of several servers in one process the first does."""
        try:
            REGISTRY.register(self)
        except ValueError:
            return
        self._registered = True

    def stop(self) -> None:
        """Disappear; may be called again."""
        if self._registered:
            REGISTRY.unregister(self)
            self._registered = False

    def collect(self) -> Iterator[Metric]:
        """Write every row with its value."""
        told = {name: _told(part) for name, part in self._parts.items()}
        for row in GAUGES:
            yield GaugeMetricFamily(row.full_name, row.help, value=self._value(row, told))
        for row in COUNTERS:
            yield CounterMetricFamily(row.full_name, row.help, value=self._value(row, told))

    def _value(self, row: Row, told: Mapping[str, Any]) -> float:
        whole = told[row.part]
        holder = whole if hasattr(whole, row.attribute) else self._parts[row.part]
        return float(getattr(holder, row.attribute))


def _told(part: Any) -> Any:
    """Ask a part for what it says of itself, once for all its rows."""
    for name in ("statistics", "counts"):
        if callable(tell := getattr(part, name, None)):
            return tell()
    return part
