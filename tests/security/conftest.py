"""The real server of the integration tests, for those who come with bad intentions."""

from __future__ import annotations

from tests.integration.conftest import (  # noqa: F401 - fixtures
    jp_nbconvert_templates,
    jp_server_config,
    kernel_id,
    quiet_kernel,
    quiet_spec,
    server,
    stage,
)
