"""Namespace names, and the patterns that match them; the most specific pattern wins.

=====================  =====================================================  =================
a segment              matches one segment of a name                          ``params``
=====================  =====================================================  =================
``courses``            itself                                                 –
``{id:int}``           ASCII digits                                           ``int``
``{id:uuid}``          8-4-4-4-12 hex digits                                  ``str``
``{id:slug}``          ASCII letters, digits, ``-`` and ``_``                 ``str``
``{id}``               anything                                               ``str``
``*``                  anything                                               –
``{rest:path}``        one segment or more; only as the last                  ``str``
``**``                 one segment or more; only as the last                  –
=====================  =====================================================  =================

The table is also the order: two patterns that match the same name are compared segment by
segment, and the first difference decides. ``path`` stands beside ``**``, of which it is the form
with a name. A compiled regex must match the whole name; it has no segments to compare, so it
stands below every other pattern but those that begin with ``/**`` or ``/{rest:path}``, and of two
regexes the earlier one wins.

Source: api.md §3 ("Dynamic namespaces for everyone").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from jupyter_sio.errors import PatternError

T = TypeVar("T")

_CONVERTORS: dict[str, re.Pattern[str]] = {
    "int": re.compile(r"[0-9]+"),
    "uuid": re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "slug": re.compile(r"[0-9A-Za-z_-]+"),
}
_ONE = ("int", "uuid", "slug", "name", "*")  # most specific first; a literal comes before them
_REST = ("path", "**")
_PLACEHOLDER = re.compile(r"\{([^{}:]*)(?::([^{}]*))?\}")


class Namespace(str):
    """A namespace's name, with what its pattern found in it."""

    __slots__ = ("params",)
    params: Mapping[str, Any]

    def __new__(cls, name: str, params: Mapping[str, Any] | None = None) -> Namespace:
        """Make the name ``name``; ``params`` are the values of the pattern's placeholders."""
        self = super().__new__(cls, name)
        self.params = params or {}
        return self


def is_name(name: str, *, longest: int) -> bool:
    """Whether a client may ask for ``name`` at all; ``longest`` in bytes of UTF-8.

    ``/`` or segments that are neither empty nor dots, of printable characters: no line break, no
    query, nothing that reads like another name in a log.
    """
    if not name.startswith("/") or len(name) > longest or "?" in name or not name.isprintable():
        return False
    if len(name.encode()) > longest:
        return False
    return name == "/" or not any(part in ("", ".", "..") for part in name[1:].split("/"))


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of a pattern; ``kind`` is ``literal`` or a row of the table above."""

    kind: str
    text: str = ""  # a literal's
    name: str = ""  # a placeholder's


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that was read. ``key`` is equal for two that are the same but for their names."""

    text: str
    segments: tuple[Segment, ...] = ()
    regex: re.Pattern[str] | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """What two equal patterns have in common."""
        if self.regex is not None:
            return ("regex", self.regex.pattern, self.regex.flags)
        return tuple((segment.kind, segment.text) for segment in self.segments)

    @property
    def literal(self) -> bool:
        """Whether it matches one name only: itself."""
        return self.regex is None and all(part.kind == "literal" for part in self.segments)

    def match(self, name: str) -> dict[str, Any] | None:
        """Return the values of the placeholders, or None where ``name`` does not match."""
        found: Table[Pattern] = Table()
        found.add(self, self)
        match = found.find(name)
        return None if match is None else dict(match.namespace.params)


def parse(pattern: str | re.Pattern[str]) -> Pattern:
    """Read a pattern.

    Raises
    ------
    PatternError
        If it is none; says what was found and what is possible.
    """
    if isinstance(pattern, re.Pattern):
        if not isinstance(pattern.pattern, str):
            raise PatternError(f"a regex for namespaces must be of text; got {pattern.pattern!r}")
        return Pattern(f"re.compile({pattern.pattern!r})", regex=pattern)
    if not isinstance(pattern, str) or not pattern.startswith("/"):
        raise PatternError(
            f"a namespace pattern begins with '/', as '/**' for all of them; got {pattern!r}"
        )
    if pattern == "/":
        return Pattern("/")
    segments = tuple(_segment(part, pattern) for part in pattern[1:].split("/"))
    for segment in segments[:-1]:
        if segment.kind in _REST:
            raise PatternError(f"{pattern!r}: what stands for the rest must come last")
    names = [segment.name for segment in segments if segment.name]
    if len(names) != len(set(names)):
        raise PatternError(f"{pattern!r} uses a placeholder's name twice")
    return Pattern(pattern, segments)


def _segment(part: str, pattern: str) -> Segment:
    if part in ("*", "**"):
        return Segment(part)
    placeholder = _PLACEHOLDER.fullmatch(part)
    if placeholder is not None:
        return _placeholder(placeholder[1], placeholder[2], pattern)
    if any(sign in part for sign in "*{}"):
        raise PatternError(
            f"{pattern!r}: '*', '**' and '{{name}}' stand for whole segments; got {part!r}"
        )
    if not part or not is_name(f"/{part}", longest=len(part.encode()) + 1):
        raise PatternError(f"{pattern!r}: no namespace's name has a segment {part!r}")
    return Segment("literal", text=part)


def _placeholder(name: str, kind: str | None, pattern: str) -> Segment:
    if not name.isidentifier():
        raise PatternError(f"{pattern!r}: a placeholder's name is an identifier; got {name!r}")
    if kind is not None and kind != "path" and kind not in _CONVERTORS:
        raise PatternError(f"{pattern!r}: {name} may be int, uuid, slug or path; got {kind!r}")
    return Segment(kind or "name", name=name)


# --- many patterns ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Match(Generic[T]):
    """What was found for a name."""

    namespace: Namespace
    value: T


class _Node(Generic[T]):
    """All patterns that begin with the same kinds of segments."""

    __slots__ = ("end", "kinds", "literals", "rest")

    def __init__(self) -> None:
        self.literals: dict[str, _Node[T]] = {}
        self.kinds: dict[str, _Node[T]] = {}  # in the order of _ONE
        self.rest: dict[str, tuple[Pattern, T]] = {}  # in the order of _REST
        self.end: tuple[Pattern, T] | None = None


class Table(Generic[T]):
    """Patterns and what each stands for; finds the most specific one that matches a name.

    A tree with one level per segment: a look-up visits a node at most once, so patterns that
    begin otherwise cost nothing. Names without placeholders are found by one look into a dict.
    """

    def __init__(self) -> None:
        self._names: dict[str, tuple[Pattern, T]] = {}
        self._root: _Node[T] = _Node()
        self._regexes: dict[tuple[object, ...], tuple[Pattern, T]] = {}

    def add(self, pattern: Pattern, value: T) -> None:
        """Add a pattern.

        Raises
        ------
        PatternError
            If one that is equal, but for the names of its placeholders, is there already.
        """
        if pattern.literal:
            _put(self._names, pattern.text, pattern, value)
        elif pattern.regex is not None:
            _put(self._regexes, pattern.key, pattern, value)
        else:
            self._grow(pattern, value)

    def find(self, name: str) -> Match[T] | None:
        """Return what the most specific pattern that matches ``name`` stands for."""
        found = self._names.get(name)
        if found is not None:
            return Match(Namespace(name), found[1])
        parts = name[1:].split("/") if name.startswith("/") else [""]
        if "" in parts:
            return None
        values: list[Any] = []
        at = self._one(self._root, parts, 0, values)
        if at is None:
            for pattern, value in self._regexes.values():
                assert pattern.regex is not None
                groups = pattern.regex.fullmatch(name)
                if groups is not None:
                    return Match(Namespace(name, groups.groupdict()), value)
            at = _remaining(self._root, parts, 0, values)
        if at is None:
            return None
        names = [segment.name for segment in at[0].segments if segment.kind != "literal"]
        params = {key: value for key, value in zip(names, values, strict=True) if key}
        return Match(Namespace(name, params), at[1])

    def _grow(self, pattern: Pattern, value: T) -> None:
        node = self._root
        for segment in pattern.segments:
            if segment.kind in _REST:
                _put(node.rest, segment.kind, pattern, value)
                node.rest = _ordered(node.rest, _REST)
                return
            if segment.kind == "literal":
                node = node.literals.setdefault(segment.text, _Node())
            else:
                child = node.kinds.setdefault(segment.kind, _Node())
                node.kinds = _ordered(node.kinds, _ONE)
                node = child
        if node.end is not None:
            raise _equal(pattern, node.end[0])
        node.end = (pattern, value)

    def _one(
        self, node: _Node[T], parts: list[str], depth: int, values: list[Any]
    ) -> tuple[Pattern, T] | None:
        """Go on with one segment, the most specific kind first; back where nothing follows."""
        part = parts[depth]
        for kind, child in _children(node, part):
            held = len(values)
            if kind != "literal":
                values.append(int(part) if kind == "int" else part)
            if depth + 1 == len(parts):
                found = child.end
            else:
                found = self._one(child, parts, depth + 1, values) or _remaining(
                    child, parts, depth + 1, values
                )
            if found is not None:
                return found
            del values[held:]
        return None


def _children(node: _Node[T], part: str) -> Iterator[tuple[str, _Node[T]]]:
    literal = node.literals.get(part)
    if literal is not None:
        yield "literal", literal
    for kind, child in node.kinds.items():
        convertor = _CONVERTORS.get(kind)
        if convertor is None or convertor.fullmatch(part):
            yield kind, child


def _remaining(
    node: _Node[T], parts: list[str], depth: int, values: list[Any]
) -> tuple[Pattern, T] | None:
    for found in node.rest.values():
        values.append("/".join(parts[depth:]))
        return found
    return None


def _ordered(kinds: dict[str, Any], order: tuple[str, ...]) -> dict[str, Any]:
    return {kind: kinds[kind] for kind in order if kind in kinds}


def _put(where: dict[Any, tuple[Pattern, T]], key: object, pattern: Pattern, value: T) -> None:
    if key in where:
        raise _equal(pattern, where[key][0])
    where[key] = (pattern, value)


def _equal(pattern: Pattern, earlier: Pattern) -> PatternError:
    return PatternError(
        f"{pattern.text!r} matches the same names as {earlier.text!r}, which is registered already"
    )
