"""What a kernel could read of its own process holds no key to its server.

Threat S-21.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.conftest import Server
from tests.integration.test_kernel import run
from tests.wire import fetch

LOOK = """
import json, os, sys
from pathlib import Path
own = Path(f"/proc/{os.getpid()}")
seen = [dict(os.environ), sys.argv]
if own.exists():
    seen += [(own / name).read_bytes().decode(errors="replace") for name in ("environ", "cmdline")]
print(json.dumps(seen))
"""


@pytest.fixture
def jp_environ(jp_environ: Any, monkeypatch: Any) -> Any:
    """Leave out what a server above this one may have put there."""
    for name in ("JUPYTER_TOKEN", "JPY_API_TOKEN", "JUPYTERHUB_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return jp_environ


async def test_a_kernel_is_started_with_no_secret_of_the_server(server: Server, quiet_kernel: str):
    url, body = f"{server.url}jupyter-sio/api/links", {"kernel_id": quiet_kernel}
    _, link = await fetch(url, method="POST", body=body, headers=server.headers)
    url, body = f"{server.url}jupyter-sio/api/tickets", {"link": link["secret"]}
    _, ticket = await fetch(url, method="POST", body=body)
    seen = await run(server, await server.start_kernel(), LOOK)
    assert "JUPYTER_SIO_SERVER" in json.loads(seen)[0]
    cookie_secret = server.serverapp.cookie_secret
    for secret in (server.token, link["secret"], ticket["ticket"], cookie_secret.hex()):
        assert len(secret) > 20 and secret not in seen
