"""What is told on Jupyter's event bus: what happens to share links.

Source: api.md §3 ("events on Jupyter's event bus with a schema of ours").
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_sio.protocol.links import Link

LINKS_SCHEMA_ID = "https://schema.jupyter-sio/links/v1"
_LINKS_SCHEMA = Path(__file__).with_name("links.event.yaml")


class Bus:
    """Jupyter's event logger, with our schema registered."""

    def __init__(self, event_logger: Any) -> None:
        self._event_logger = event_logger
        if LINKS_SCHEMA_ID not in event_logger.schemas:
            event_logger.register_event_schema(_LINKS_SCHEMA)

    def link(self, action: str, link: Link) -> None:
        """Tell what happened to a link; never its secret."""
        self._event_logger.emit(
            schema_id=LINKS_SCHEMA_ID,
            data={
                "action": action,
                "link_id": link.id,
                "kernel_id": link.terms.kernel_id,
                "label": link.terms.label,
                "maker": link.maker,
                "expires": link.expires,
                "uses": link.uses,
            },
        )
