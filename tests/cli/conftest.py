"""The real server of the integration tests, for the commands that change something on it."""

from __future__ import annotations

from tests.integration.conftest import (  # noqa: F401 - fixtures
    jp_nbconvert_templates,
    jp_server_config,
    quiet_kernel,
    quiet_spec,
    server,
    stage,
)
