"""The reference names everything one can type, and says what the code says now."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import jupyter_sio
from docs.parts import written
from jupyter_sio.server.app import JupyterSio

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
TOLD = re.findall(
    r"^\.\. auto(?:function|class|exception|module):: jupyter_sio\.(\w+)(?:\(\))?$",
    (REFERENCE / "python.md").read_text(),
    re.MULTILINE,
)


def names_in_rows(page: str) -> list[str]:
    """List what the first cells of a page's tables name."""
    return re.findall(r"^\| `([^`]+)`", (REFERENCE / f"{page}.md").read_text(), re.MULTILINE)


def test_the_public_names_told_of_are_those_there_are():
    assert sorted(TOLD) == sorted(jupyter_sio.__all__)


@pytest.mark.parametrize("page", written.PAGES)
def test_what_is_written_from_code_is_what_the_code_says_now(page):
    told = written.place(page).read_text()
    assert told == written.NOTE + written.PAGES[page](), "type: python docs/parts/written.py"


def test_every_setting_of_ours_is_told_of_and_no_other():
    inherited = {n for b in JupyterSio.__bases__[1:] for n in b.class_traits(config=True)}
    assert set(names_in_rows("settings")) == set(JupyterSio.class_traits(config=True)) - inherited


def test_every_bound_is_told_of():
    told = names_in_rows("limits")
    assert [n for g in written.limit_groups() for n in g.__dataclass_fields__] == told


def test_every_bound_says_what_it_is():
    rows = re.findall(r"^\| `(\w+)` \| .+? \| (.*?) \| .*\|$", written.limits_page(), re.MULTILINE)
    assert len(rows) > 80 and [name for name, what in rows if not what] == []


def test_every_bound_that_is_a_setting_says_so():
    text = (REFERENCE / "limits.md").read_text()
    settings = {name for name in re.findall(r"\| `(\w+)` \|$", text, re.MULTILINE)}
    assert settings == set(written.app._LIMITS)


def test_every_code_has_a_meaning():
    rows = re.findall(
        r"^\| (\d{4}) \| `(\w+)` \| (.+?) \|", (REFERENCE / "codes.md").read_text(), re.M
    )
    assert [(int(code), name) for code, name, _ in rows] == [
        (code.value, code.name) for code in written.errors.Code
    ]
    assert all(len(meaning) > 5 for _, _, meaning in rows)
