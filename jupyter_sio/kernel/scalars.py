"""One value of a row -> its column's kind and what is kept of it.

A kind is an Arrow type, written as Arrow's C interface writes it (``l`` is int64). numpy, torch,
pandas and the like are met only as values that somebody passed, never imported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, TypeAlias

Kind: TypeAlias = str

NULL: Kind = "n"
BOOL: Kind = "b"
INT: Kind = "l"
FLOAT: Kind = "g"
TEXT: Kind = "u"
TIME: Kind = "tsu:"
TIME_UTC: Kind = "tsu:UTC"

NAMES: dict[Kind, str] = {
    BOOL: "bool",
    INT: "int64",
    FLOAT: "float64",
    TEXT: "string",
    TIME: "timestamp[us]",
    TIME_UTC: "timestamp[us, UTC]",
}

# What a user may write in ``columns=``.
DECLARED: dict[object, Kind] = {
    **{name: kind for kind, name in NAMES.items()},
    "timestamp": TIME,
    "str": TEXT,
    bool: BOOL,
    int: INT,
    float: FLOAT,
    str: TEXT,
    datetime: TIME,
}

INT64 = range(-(2**63), 2**63)

_EPOCH = datetime(1970, 1, 1)
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=timezone.utc)


class NoScalar(Exception):
    """A value that no column can hold; the text says what was found."""


def read(value: Any) -> tuple[Kind, Any]:
    """Read one value: its kind, and what is kept (text as UTF-8, times as µs since 1970).

    Whole numbers are not held to int64 here: a float64 column takes larger ones.

    Raises
    ------
    NoScalar
        If it is no scalar, or one that Arrow's common types do not hold exactly.
    """
    for known, reader in _READERS:
        if isinstance(value, known):
            return reader(value)
    return _read_foreign(value)


def _read_text(value: str) -> tuple[Kind, Any]:
    try:
        return TEXT, str.encode(value)
    except UnicodeEncodeError:
        raise NoScalar("text with a lone surrogate, which UTF-8 cannot hold") from None


def _read_time(value: datetime) -> tuple[Kind, Any]:
    if value != value:  # pandas' NaT is a datetime
        return NULL, None
    naive = value.utcoffset() is None
    # pandas' Timestamp and Timedelta are subclasses with nanoseconds, which are cut off.
    since = value.replace(tzinfo=None) - _EPOCH if naive else value - _EPOCH_UTC
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return (TIME if naive else TIME_UTC), micros


_READERS: tuple[tuple[type, Callable[[Any], tuple[Kind, Any]]], ...] = (
    (bool, lambda value: (BOOL, value)),
    (float, lambda value: (FLOAT, float(value))),
    (int, lambda value: (INT, int(value))),
    (str, _read_text),
    (type(None), lambda value: (NULL, None)),
    (datetime, _read_time),
)

# Of numpy's type codes those that have a kind; the others (complex, bytes, void …) have none.
_CODES: dict[str, Callable[[Any], tuple[Kind, Any]]] = {
    "b": lambda value: (BOOL, bool(value)),
    "i": lambda value: (INT, int(value)),
    "u": lambda value: (INT, int(value)),
    "f": lambda value: (FLOAT, float(value)),
    "M": lambda value: _read_datetime64(value),
}
_MISSING = ("NAType", "MaskedConstant")  # pandas.NA, numpy.ma.masked


def _read_foreign(value: Any) -> tuple[Kind, Any]:
    if type(value).__name__ in _MISSING:
        return NULL, None
    if getattr(value, "shape", None) != () or not callable(getattr(value, "item", None)):
        raise NoScalar(describe(value))
    code = getattr(getattr(value, "dtype", None), "kind", "")
    if code in _CODES:
        return _CODES[code](value)
    item = value.item()  # torch and jax have no such code
    if type(item) is type(value):
        raise NoScalar(describe(value))
    try:
        return read(item)
    except NoScalar:
        raise NoScalar(describe(value)) from None


def _read_datetime64(value: Any) -> tuple[Kind, Any]:
    micros = int(value.astype("datetime64[us]").astype("int64"))
    return (NULL, None) if micros == INT64.start else (TIME, micros)


def merged(held: Kind | None, found: Kind, *, fixed: bool = False) -> Kind | None:
    """Decide what a column of ``held`` becomes with a value of ``found``; None: it does not fit.

    ``fixed`` columns were declared: they change nothing, but take nulls and whole numbers.
    """
    if held is None or held == found:
        return found
    if found == NULL or (held, found) == (FLOAT, INT):
        return held
    if fixed:
        return None
    if held == NULL:
        return found
    return FLOAT if (held, found) == (INT, FLOAT) else None


def is_number(value: object) -> bool:
    """Whether every value of this type is one number, as ``struct`` takes it."""
    numpy = sys.modules.get("numpy")
    return isinstance(value, int | float) or (
        numpy is not None and isinstance(value, numpy.generic)
    )


def describe(value: object) -> str:
    """Name a value's type, as errors do; never its ``repr``, which may fail or be a secret."""
    kind = type(value)
    dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", None)
    text = (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
    if shape is not None and dtype is not None:
        text += f" of {dtype} with shape {tuple(shape)}"
    return text
