"""Namespace patterns: what each matches, which of several wins, and what cannot be registered."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_sio.errors import PatternError
from jupyter_sio.protocol.names import Namespace, Table, is_name, parse

UUID = "1B4e28ba-2fa1-11d2-883f-0016d3cca427"


@pytest.mark.parametrize(
    ("pattern", "name", "params"),
    [
        ("/", "/", {}),
        ("/courses", "/courses", {}),
        ("/courses/*", "/courses/42", {}),
        ("/courses/*", "/courses/*", {}),
        ("/*", "/chat", {}),
        ("/**", "/a/b/c", {}),
        ("/logs/**", "/logs/a", {}),
        ("/logs/**", "/logs/a/b/c", {}),
        ("/courses/{course_id}", "/courses/math-1", {"course_id": "math-1"}),
        ("/{a}/{b}", "/x/y", {"a": "x", "b": "y"}),
        ("/jobs/{id:int}", "/jobs/007", {"id": 7}),
        ("/jobs/{id:uuid}", f"/jobs/{UUID}", {"id": UUID}),
        ("/jobs/{id:slug}", "/jobs/a_B-9", {"id": "a_B-9"}),
        ("/files/{where:path}", "/files/a/b.txt", {"where": "a/b.txt"}),
        ("/a/*/b/{c}", "/a/x/b/y", {"c": "y"}),
        ("/курс/{имя}", "/курс/ёж", {"имя": "ёж"}),
        (re.compile(r"/room-(?P<number>\d+)"), "/room-5", {"number": "5"}),
        (re.compile(r"/room-\d+"), "/room-5", {}),
    ],
)
def test_a_pattern_matches_and_finds_its_params(pattern, name, params):
    assert parse(pattern).match(name) == params


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("/courses/*", "/courses"),
        ("/courses/*", "/courses/"),
        ("/courses/*", "/courses/1/2"),
        ("/courses/*", "/Courses/1"),
        ("/*", "/"),
        ("/**", "/"),
        ("/*", "//"),
        ("/logs/**", "/logs"),
        ("/logs/**", "/logs/"),
        ("/logs/**", "/logs//a"),
        ("/files/{where:path}", "/files"),
        ("/jobs/{id:int}", "/jobs/-1"),
        ("/jobs/{id:int}", "/jobs/4x"),
        ("/jobs/{id:int}", "/jobs/²"),
        ("/jobs/{id:int}", "/jobs/٣"),
        ("/jobs/{id:int}", "/jobs/1\n"),
        ("/jobs/{id:uuid}", f"/jobs/{UUID}0"),
        ("/jobs/{id:slug}", "/jobs/a.b"),
        ("/jobs/{id}", "jobs/1"),
        (re.compile(r"/room-\d+"), "/room-5x"),
        (re.compile(r"room-\d+"), "/room-5"),
    ],
)
def test_a_pattern_does_not_match(pattern, name):
    assert parse(pattern).match(name) is None


@pytest.mark.parametrize(
    ("name", "winner"),
    [
        ("/courses/new", "/courses/new"),
        ("/courses/7", "/courses/{n:int}"),
        (f"/courses/{UUID}", "/courses/{u:uuid}"),
        ("/courses/a-b", "/courses/{s:slug}"),
        ("/courses/a.b", "/courses/{name}"),
        ("/courses/a/b", "/courses/{rest:path}"),
        ("/labs/a", "/labs/*"),
        ("/labs/a/b", "/labs/**"),
        ("/other", "/*"),
        ("/room-5/x", r"re.compile('/room-\\d+/x')"),
        ("/other/x", "/**"),
        # segment by segment: the first difference decides
        ("/a/b", "/a/**"),
        ("/z/b", "/*/b"),
        ("/jobs/5/log", "/jobs/{id:int}/log"),
        ("/jobs/x/log", "/jobs/{id}/log"),
        # ... and where the more specific one leads nowhere, the next is tried
        ("/jobs/5/out", "/jobs/{id}/out"),
    ],
)
def test_the_most_specific_pattern_wins_whatever_the_order(name, winner):
    patterns = [
        *("/courses/new", "/courses/{n:int}", "/courses/{u:uuid}", "/courses/{s:slug}"),
        *("/courses/{name}", "/courses/*", "/courses/{rest:path}", "/courses/**"),
        *("/labs/*", "/labs/**", "/*", re.compile(r"/room-\d+/x"), "/**"),
        *("/a/**", "/*/b", "/jobs/{id:int}/log", "/jobs/{id}/log", "/jobs/{id}/out"),
    ]
    for order in (patterns, patterns[::-1]):
        table = Table()
        for pattern in order:
            table.add(parse(pattern), parse(pattern).text)
        assert table.find(name).value == winner


def test_path_is_the_named_form_of_the_rest_and_wins_over_it():
    table = Table()
    table.add(parse("/**"), "**")
    table.add(parse("/{all:path}"), "path")
    found = table.find("/a/b")
    assert (found.namespace, found.value) == ("/a/b", "path")
    assert found.namespace.params == {"all": "a/b"}


def test_of_two_regexes_the_earlier_one_wins():
    table = Table()
    table.add(parse(re.compile("/a.*")), 1)
    table.add(parse(re.compile("/ab")), 2)
    assert table.find("/ab").value == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/a", "/a"),
        ("/courses/{a}", "/courses/{b}"),
        ("/{x:int}/{y}", "/{y:int}/{x}"),
        ("/logs/**", "/logs/**"),
        ("/logs/{a:path}", "/logs/{b:path}"),
        (re.compile("/a+"), re.compile("/a+")),
    ],
)
def test_patterns_equal_but_for_their_names_are_refused(one, other):
    table = Table()
    table.add(parse(one), 1)
    with pytest.raises(PatternError, match="matches the same names as"):
        table.add(parse(other), 2)
    assert parse(one).key == parse(other).key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/a/*", "/a/{x}"),
        ("/a/{x}", "/a/{x:slug}"),
        ("/a/**", "/a/{x:path}"),
        ("/a/**", "/a/*"),
        (re.compile("/a+"), re.compile("/a+", re.IGNORECASE)),
    ],
)
def test_patterns_of_different_kinds_live_beside_each_other(one, other):
    table = Table()
    table.add(parse(one), 1)
    table.add(parse(other), 2)
    assert parse(one).key != parse(other).key


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("", "begins with '/'"),
        ("courses/*", "begins with '/'"),
        ("*", "begins with '/'"),
        (None, "begins with '/'"),
        ("//", "no namespace's name has a segment ''"),
        ("/a/", "no namespace's name has a segment ''"),
        ("/a/../b", "segment '..'"),
        ("/a?b", "segment 'a"),
        ("/a\nb", "segment 'a"),
        ("/a*", "stand for whole segments"),
        ("/job-{id}", "stand for whole segments"),
        ("/{id", "stand for whole segments"),
        ("/***", "stand for whole segments"),
        ("/**/a", "must come last"),
        ("/{p:path}/a", "must come last"),
        ("/{1a}", "identifier"),
        ("/{}", "identifier"),
        ("/{a:float}", "int, uuid, slug or path"),
        ("/{a:}", "int, uuid, slug or path"),
        ("/{a}/{a}", "name twice"),
        (re.compile(b"/a"), "must be of text"),
    ],
)
def test_what_is_no_pattern_is_refused_with_the_reason(pattern, complaint):
    with pytest.raises(PatternError, match=re.escape(complaint)):
        parse(pattern)


@pytest.mark.parametrize("name", ["/", "/a", "/a/b", "/a.b/..c", "/курс/1", "/a b", "/*", "/{x}"])
def test_a_name_a_client_may_ask_for(name):
    assert is_name(name, longest=64)


@pytest.mark.parametrize(
    "name",
    [
        *("", "a", "a/b", "//", "/a/", "/a//b", "/a/../b", "/..", "/.", "/a?b=1", "/a\n", "/a\x00"),
        *("/a\u202eb", "/a\u2028", "/a\x7f", "/" + "x" * 64, "/" + "ж" * 32),
    ],
)
def test_a_name_no_client_may_ask_for(name):
    assert not is_name(name, longest=64)


def test_a_namespace_is_a_str_with_params():
    namespace = Namespace("/courses/7", {"id": 7})
    assert namespace == "/courses/7" and {"/courses/7": 1}[namespace] == 1
    assert namespace.params == {"id": 7}
    assert Namespace("/x").params == {} and not Namespace("/x").params


SEGMENTS = st.sampled_from(["a", "b", "7", "x.y", "*", "{p}", "{p:int}", "{p:slug}"])


@given(st.lists(st.lists(SEGMENTS, min_size=1, max_size=4), max_size=12), st.data())
def test_what_the_table_finds_is_the_best_of_all_that_match(drawn, data):
    rank = {"int": 1, "slug": 3, "name": 4, "*": 5, "literal": 0}
    patterns = {}
    for parts in drawn:
        named = [part.replace("p", f"p{i}", 1) for i, part in enumerate(parts)]
        pattern = parse("/" + "/".join(named))
        patterns[pattern.key] = pattern
    table = Table()
    for pattern in patterns.values():
        table.add(pattern, pattern)
    parts = st.lists(st.sampled_from(["a", "b", "7", "x.y"]), min_size=1, max_size=4)
    name = "/" + "/".join(data.draw(parts))
    matching = [p for p in patterns.values() if p.match(name) is not None]
    best = min(matching, key=lambda p: [rank[s.kind] for s in p.segments], default=None)
    found = table.find(name)
    assert (found and found.value) == best
    assert found is None or found.namespace.params == best.match(name)


def test_a_look_up_costs_the_same_among_many_patterns():
    def cost(count):
        table = Table()
        for i in range(count):
            table.add(parse(f"/service{i}/{{id:int}}/**"), i)
        best = 1.0
        for _ in range(5):
            start = time.perf_counter()
            for _ in range(200):
                table.find("/service3/5/x")
            best = min(best, time.perf_counter() - start)
        return best

    assert cost(5_000) < 5 * cost(5)
