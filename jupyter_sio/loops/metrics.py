"""What people log, made what a row and a JSON text can hold."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from jupyter_sio import limits
from jupyter_sio.kernel import scalars

_DEPTH = 16
_ITEMS = 1_000  # of a list in a configuration


def flatten(data: Mapping[Any, Any], *, before: str = "", depth: int = _DEPTH) -> dict[str, Any]:
    """Make one level of many: ``{"val": {"loss": 1}}`` becomes ``{"val/loss": 1}``."""
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping) and depth:
            flat |= flatten(value, before=f"{before}{key}/", depth=depth - 1)
        else:
            flat[f"{before}{key}"] = scalar(value)
    return flat


def scalar(value: Any) -> Any:
    """Take the one value out of an array or a tensor that has one; all else as it is."""
    shape, item = getattr(value, "shape", None), getattr(value, "item", None)
    if not isinstance(shape, tuple) or not callable(item) or math.prod(shape) != 1:
        return value
    return item()


def fits(value: Any) -> bool:
    """Whether it can be a cell of a row."""
    try:
        scalars.read(value)
    except scalars.NoScalar:
        return False
    return True


def mapping(config: Any) -> dict[str, Any]:
    """Read a configuration: a mapping, a dataclass, or an object with attributes, as argparse's.

    Raises
    ------
    TypeError
        If it is none of these.
    """
    if config is None:
        return {}
    if isinstance(config, Mapping):
        return {str(key): value for key, value in config.items()}
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        return {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    if hasattr(config, "__dict__") and not isinstance(config, type):
        return dict(vars(config))
    raise TypeError(
        f"config must be a mapping, a dataclass or an object with attributes; "
        f"got {scalars.describe(config)}"
    )


def to_json(values: Mapping[str, Any]) -> str:
    """Write it as a JSON object of bounded length: what is too much is left out, and told."""
    parts: list[str] = []
    room, left_out = limits.Loops.config_chars, 0
    for key, value in _copied(values):
        part = f"{json.dumps(str(key))}: {json.dumps(plain(value))}"
        if len(part) > room:
            left_out += 1
        else:
            parts.append(part)
            room -= len(part)
    if left_out:
        parts.append(f'"…": "{left_out} more, too long to be told"')
    return "{" + ", ".join(parts) + "}"


def _copied(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return iter(list(values.items()))  # another thread may add to it meanwhile


def plain(value: Any, depth: int = _DEPTH) -> Any:
    """Make it JSON's own: what JSON has not is told as text."""
    value = scalar(value)
    if isinstance(value, Mapping) and depth:
        return {str(key): plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth:
        return [plain(item, depth - 1) for item in itertools.islice(value, _ITEMS)]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return str(value)
