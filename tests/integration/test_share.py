"""A notebook shares, somebody without a login watches: kernel, server and viewer, all real.

Source: api.md §1 (``share``), §2 (``watch``).
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import aclosing
from typing import Any

import pytest

from jupyter_sio import awatch
from jupyter_sio.errors import NotPermitted
from tests.integration.conftest import Server
from tests.integration.test_kernel import run

SHARING = """
import json, jupyter_sio as sio
loss, other = sio.stream("loss"), sio.stream("other")
loss.push(step=1); other.push(step=2)
assert loss.flush() and other.flush()
link = sio.share(loss, send=("stop",), expires="90m", label="for Bob")
print(json.dumps([link.url, repr(link), link._repr_html_()]))
"""


async def shared(server: Server, kernel_id: str) -> tuple[str, str, str]:
    url, text, html = json.loads(await run(server, kernel_id, SHARING))
    return url, text, html


async def watched(url: str, stream: str, then: Any, seen: list[int]) -> None:
    """Watch by a link, collecting steps; after each batch ``then`` is awaited."""
    async with aclosing(awatch(url, stream)) as batches:
        async for batch in batches:
            seen += batch.pydict()["step"]
            if not await then(batch):
                return


async def test_a_notebooks_link_is_clickable_and_hides_its_secret_elsewhere(
    server: Server, kernel_id: str
):
    url, text, html = await shared(server, kernel_id)
    assert re.fullmatch(rf"{re.escape(server.url)}jupyter-sio/live/#[\w-]{{43}}", url)
    assert url.rpartition("#")[2] not in text
    assert f'href="{url}"' in html and "for Bob" in html and "until 20" in html


async def test_who_has_the_link_watches_until_it_is_revoked(server: Server, kernel_id: str):
    url, *_ = await shared(server, kernel_id)

    seen: list[int] = []

    async def revoke(batch: Any) -> bool:
        await run(server, kernel_id, "link.revoke()")
        return True

    for _ in range(2):
        with pytest.raises(NotPermitted, match="the link was revoked"):
            await asyncio.wait_for(watched(url, "loss", revoke, seen), 20)
    assert seen == [1]


async def test_a_link_does_not_show_what_it_does_not_name(server: Server, kernel_id: str):
    url, *_ = await shared(server, kernel_id)
    seen: list[int] = []
    with pytest.raises(NotPermitted):
        await asyncio.wait_for(watched(url, "other", None, seen), 20)
    assert seen == []


async def test_a_link_whose_kernel_restarts_goes_on(server: Server, kernel_id: str):
    url, *_ = await shared(server, kernel_id)
    seen: list[int] = []

    async def restart(batch: Any) -> bool:
        if len(seen) == 2:
            return False
        await server.serverapp.kernel_manager.restart_kernel(kernel_id)
        again = "import jupyter_sio as sio; s = sio.stream('loss'); s.push(step=7); s.flush()"
        await run(server, kernel_id, again)
        return True

    await asyncio.wait_for(watched(url, "loss", restart, seen), 40)
    assert seen == [1, 7]
