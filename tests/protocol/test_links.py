"""Durations, terms, and the table of links. Source: protocol.md §3 (``api/links``), api.md §1."""

from __future__ import annotations

import math
from typing import Any

import pytest

from jupyter_sio.errors import BadRequest, Overflow, Refused
from jupyter_sio.limits import Links as Bounds
from jupyter_sio.protocol.links import Link, LinkTable, Terms, seconds_of, share_of
from jupyter_sio.protocol.messages import Share


@pytest.mark.parametrize(
    ("said", "seconds"),
    [(45, 45), (0.5, 0.5), ("45s", 45), ("90m", 5_400), ("24h", 86_400), ("7d", 604_800)],
)
def test_a_duration_is_seconds_or_a_number_with_a_unit(said: Any, seconds: float):
    assert seconds_of(said) == seconds


@pytest.mark.parametrize(
    "said",
    [
        0,
        -1,
        math.inf,
        math.nan,
        10**400,
        True,
        "",
        "24",
        "h",
        "24H",
        "-1h",
        "1w",
        "1h ",
        "0s",
        "²d",
    ],
)
def test_what_is_no_duration_says_what_would_be_one(said: Any):
    with pytest.raises(BadRequest, match='expires is seconds above 0, or text such as "45s"'):
        seconds_of(said)


def terms(**asked: Any) -> Terms:
    return Terms.of("k", Share.parse([asked]), bounds=Bounds())


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"expires": "31d"}, "a link may live 30d here"),
        ({"streams": ["x"] * 101}, "streams may hold 100 names; got 101"),
        ({"streams": ["x" * 129]}, "each of streams has 1 to 128 bytes"),
        ({"send": [""]}, "each of send has 1 to 128 bytes"),
        ({"send": ["$emit"]}, "'\\$emit' is a reserved name"),
        ({"send": ["disconnect"]}, "'disconnect' is a reserved name"),
        ({"label": "x" * 65}, "a label may have 64 characters"),
    ],
)
def test_terms_beyond_their_bounds_are_refused_by_name(asked: dict[str, Any], said: str):
    with pytest.raises(BadRequest, match=said):
        terms(**asked)


def test_a_link_shows_all_streams_for_a_day_unless_asked_otherwise():
    assert terms() == Terms("k", (), (), "", 86_400)


@pytest.mark.parametrize("kernel_id", [None, 1, ["k"]])
def test_a_links_kernel_is_named(kernel_id: Any):
    with pytest.raises(BadRequest, match="kernel_id must be"):
        share_of({"kernel_id": kernel_id})


def link(id: str = "one", kernel_id: str = "k", expires: int = 2_000) -> Link:
    return Link(id, Terms(kernel_id, (), (), "", 1), 1_000, expires, "ada")


def table(**bounds: int) -> LinkTable:
    return LinkTable(Bounds(**bounds))


def test_a_link_is_found_by_its_secret_until_it_expires():
    links, mine = table(), link()
    links.add("secret", mine)
    assert links.find("secret", now_ms=1_999) is mine
    with pytest.raises(Refused, match="the link has expired") as refused:
        links.find("secret", now_ms=2_000)
    assert refused.value.code == 3512
    assert links.expired(now_ms=2_000) == [mine] and links.expired(now_ms=1_999) == []


def test_what_never_was_a_secret_is_3500():
    with pytest.raises(Refused, match="there is no such link") as refused:
        table().find("secret", now_ms=0)
    assert refused.value.code == 3500


def test_who_comes_after_the_end_is_told_why():
    links, mine = table(), link()
    links.add("secret", mine)
    links.end(mine, "the link was revoked")
    links.end(mine, "it cannot end twice")
    with pytest.raises(Refused, match="the link was revoked") as refused:
        links.find("secret", now_ms=1_000)
    assert refused.value.code == 3512
    assert (len(links), links.get("one"), links.of_kernel("k")) == (0, None, [])


def test_a_full_table_refuses_and_forgets_why_the_oldest_ended():
    links, first, second = table(links=1, ended_links=1), link("1"), link("2")
    links.add("first", first)
    with pytest.raises(Overflow, match="there are 1 links already; revoke one first"):
        links.add("second", second)
    links.end(first, "over")
    links.add("second", second)
    links.end(second, "over")
    assert links.forgotten == 1
    with pytest.raises(Refused, match="no such link"):
        links.find("first", now_ms=0)


def test_links_are_listed_by_kernel():
    links, one, other = table(), link("1"), link("2", "other")
    links.add("a", one)
    links.add("b", other)
    assert links.of_kernel("other") == [other] and list(links) == [one, other]
    links.end(one, "over")
    assert [*links._by_kernel] == ["other"]


def test_the_secret_is_nowhere_in_the_table():
    links = table()
    links.add("secret-of-mine", link())
    assert "secret-of-mine" not in repr(vars(links)) + repr(list(links))


def test_an_entry_tells_how_often_it_was_used_and_when():
    mine = link()
    assert (mine.entry()["uses"], mine.entry()["last_used"]) == (0, None)
    mine.used(1_500)
    assert (mine.entry()["uses"], mine.entry()["last_used"]) == (1, 1_500)
