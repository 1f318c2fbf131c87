"""What an HTTP answer means to the Python viewer. Source: protocol.md §3."""

from __future__ import annotations

import json

import pytest

from jupyter_sio.errors import NotPermitted
from jupyter_sio.viewer.door import NotOurs, Unreachable, refusal

URL = "http://host/user/a@b/jupyter-sio/api/tickets"
OURS = json.dumps({"message": "the link was revoked", "reason": "Forbidden"}).encode()
HUB = json.dumps({"message": "JupyterHub server no longer running at /user/a@b/"}).encode()


@pytest.mark.parametrize("status", [401, 403, 404])
def test_our_own_no_is_final(status: int):
    refused = refusal(URL, status, OURS)
    assert type(refused) is NotPermitted
    assert "the link was revoked" in str(refused)


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("body", [b"<html>Jupyter Server</html>", HUB, b"[1]", b"", None])
def test_a_no_in_other_words_is_known_as_such(status: int, body: bytes | None):
    refused = refusal(URL, status, body)
    assert isinstance(refused, NotOurs)
    assert refused.status == status


@pytest.mark.parametrize("status", [302, 424, 429, 500, 502, 503])
@pytest.mark.parametrize("body", [OURS, HUB, b"<html>"])
def test_whatever_else_is_said_may_change(status: int, body: bytes):
    assert isinstance(refusal(URL, status, body), Unreachable)


def test_an_error_says_no_secret():
    assert "s3cret" not in str(refusal(f"{URL}?ticket=s3cret", 403, b""))
