"""What the how-to pages tell to type into a notebook, typed into a real kernel."""

from __future__ import annotations

import pytest

from tests.docs.blocks import DOCS, blocks
from tests.integration.conftest import Server
from tests.integration.test_kernel import run

PAGES = [DOCS / "index.md", *sorted((DOCS / "how-to").glob("*.md"))]
# Theirs are for a server's configuration, for the Hub's, or for a server extension.
NOT_FOR_A_NOTEBOOK = {"proxy.md", "hub-example.md", "namespaces.md"}


@pytest.mark.timeout(240)
async def test_what_a_page_tells_to_type_works(server: Server, kernel_id: str):
    known = {"server": server.url, "kernel_id": kernel_id, "token": server.token}
    given = [f"{name} = {value!r}" for name, value in known.items()]
    typed = 0
    for page in PAGES:
        if page.name in NOT_FOR_A_NOTEBOOK:
            continue
        parts = [f"# {block}\n{block.code}" for block in blocks(page) if block.run]
        typed += len(parts)
        begin = ["%reset -f", "import jupyter_sio as sio", *given]
        await run(server, kernel_id, "\n".join([*begin, *parts]))
    assert typed > 20
