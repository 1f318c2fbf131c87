"""Nobody but the kernel's own process publishes in its name. Threats S-6, S-7, S-8, S-9.

One claim of another form, every field signed, the clock: ``tests/integration/test_proofs.py``.
Another kernel's key, a claim twice: ``test_doors.py`` there. Of two processes with the same key:
``test_lifetime.py`` and ``test_status.py``.
"""

from __future__ import annotations

import secrets
import time
from random import Random
from typing import Any

from jupyter_sio.protocol.grants import Claim
from tests.integration.conftest import EPOCH, Server, Stage
from tests.wire import Wire, claim_of, fetch


async def asked(server: Server, claim: dict[str, Any]) -> tuple[int, str]:
    status, answer = await server.ticket(claim)
    return status, str(answer)


async def test_a_thousand_claims_that_are_not_true_have_one_answer(
    server: Server, quiet_kernel: str, quiet_spec: str
):
    other, random = await server.start_kernel(quiet_spec), Random(1)
    key, answers = server.key(quiet_kernel), set()
    for n in range(1_000):
        claim = claim_of(quiet_kernel, key, pid=n, epoch=EPOCH)
        spoiled = bytearray.fromhex(claim["proof"])
        spoiled[random.randrange(32)] ^= 1 << random.randrange(8)
        wrong = (
            {"proof": spoiled.hex()},
            {"proof": claim["proof"][: random.randrange(64)]},
            {"proof": claim["proof"] + "0"},
            {"proof": secrets.token_hex(32)},
            {"kernel_id": other},
            {"kernel_id": quiet_kernel.upper()},
            {"kernel_id": "00000000-0000-0000-0000-000000000000"},
            {"kernel_id": f"../{quiet_kernel}"},
            {"kernel_id": f"{quiet_kernel}/"},
            {"kernel_id": ""},
        )[n % 10]
        answers.add(await asked(server, {**claim, **wrong}))
    assert len(answers) == 1 and answers.pop()[0] == 403
    assert not server.sio.router.eio.sockets


async def test_what_is_too_long_is_refused_before_it_is_compared(server: Server, quiet_kernel: str):
    good = claim_of(quiet_kernel, server.key(quiet_kernel), pid=1, epoch=EPOCH)
    assert (await server.ticket({**good, "proof": "0" * 1_000_000}))[0] == 413
    for field in ("kernel_id", "proof"):
        status, answer = await server.ticket({**good, field: "0" * 10_000})
        assert status == 400 and len(str(answer)) < 300


async def test_a_claim_that_was_overheard_opens_nothing(stage: Stage):
    server, kernel = stage.server, stage.kernel_id
    claim = claim_of(kernel, server.key(kernel), pid=7, epoch=EPOCH)
    status, answer = await server.ticket(claim)
    assert status == 200
    assert (await server.ticket(claim))[0] == 403
    wire = stage.keep(await Wire.open(server.socket_url, ticket=answer["ticket"]))
    await wire.join(stage.ns)
    assert (await server.ticket(claim))[0] == 403  # while it is connected ...
    await wire.close()
    assert (await server.ticket(claim))[0] == 403  # ... after it left ...
    url = f"{server.url}api/kernels/{kernel}/restart"
    assert (await fetch(url, method="POST", body={}, headers=server.headers))[0] == 200
    assert (await server.ticket(claim))[0] == 403  # ... and after the kernel was restarted


async def test_a_message_that_jupyter_signed_is_no_proof(server: Server, quiet_kernel: str):
    """The same key signs the kernel's messages; the label keeps the two apart."""
    session = server.serverapp.kernel_manager.get_kernel(quiet_kernel).session
    claim = Claim(quiet_kernel, EPOCH, 1, int(time.time()), "f" * 16)
    for parts in ([f"{quiet_kernel}\n{EPOCH}\n1\n{claim.time}\n{claim.nonce}".encode()], [b""]):
        proof = session.sign(parts).decode()
        assert (await server.ticket({**claim.body(), "proof": proof}))[0] == 403
