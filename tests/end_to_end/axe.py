"""axe-core in a page: what it finds there that would keep somebody out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")
# The style sheets are in the page already; axe would fetch those of other hosts once more.
RUN = "within => axe.run({ include: within }, { resultTypes: ['violations'], preload: false })"


def expect_no_violation(page: Page, *within: str) -> None:
    """Fail with every grave violation in these parts of a page, or in all of it."""
    found = violations(page, *within)
    assert not found, "\n".join(found)


def violations(page: Page, *within: str) -> list[str]:
    """Tell every grave violation: rule, node and cause.

    The script comes by the debugger's door, so the page has the policy that its readers have.
    """
    assert AXE.exists(), "axe-core is not installed; type: npm ci --prefix labextension"
    page.evaluate(AXE.read_text())
    found = page.evaluate(RUN, [[each] for each in within or ("html",)])
    return [
        f"{rule['id']} ({rule['impact']}): {rule['help']}\n  {node['html']}\n  {_cause(node)}"
        for rule in found["violations"]
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]


def _cause(node: dict[str, Any]) -> str:
    return str(node["failureSummary"]).replace("\n", "\n  ")
