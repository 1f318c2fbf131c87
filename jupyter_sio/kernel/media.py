"""Values that are no table rows -> payloads: JSON lines, images, octets.

Source: protocol.md §6.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from jupyter_sio import limits
from jupyter_sio.errors import RowError
from jupyter_sio.kernel import picture, scalars
from jupyter_sio.protocol.outbox import Encoded


class JsonLines:
    """One JSON value per row; a value is written when it is pushed, so it may change afterwards."""

    def __init__(self, stream: str) -> None:
        self._stream = stream

    def read(self, value: Any) -> tuple[bytes, int]:
        """Write one value; returns its line and its weight in bytes.

        Raises
        ------
        RowError
            If it is not JSON (NaN and Infinity are not), or too large.
        """
        try:
            line = json.dumps(
                value, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain
            ).encode()
        except (TypeError, ValueError, RecursionError) as exc:
            raise RowError(
                f"stream {self._stream!r}: expected a value that JSON can hold; "
                f"got {scalars.describe(value)}: {exc}"
            ) from exc
        if len(line) >= limits.Outbox.payload_bytes:
            raise RowError(
                f"stream {self._stream!r}: a JSON value may have {limits.Outbox.payload_bytes} "
                f"bytes; got {len(line)}"
            )
        return line, len(line) + 1

    def encode(self, rows: Sequence[bytes]) -> list[Encoded]:
        """Write lines as payloads of at most 1 MiB; normally one."""
        data = self.join(rows, None)
        if len(data) > limits.Outbox.payload_bytes and len(rows) > 1:
            half = len(rows) // 2
            return self.encode(rows[:half]) + self.encode(rows[half:])
        small = len(data) <= limits.Outbox.compact_bytes
        return [Encoded(len(rows), data, list(rows) if small else None)]

    def join(self, rows: Sequence[bytes], schema: object) -> bytes:
        """Write the rows of several payloads as one."""
        return b"".join(line + b"\n" for line in rows)


def _plain(value: Any) -> Any:
    """Read what JSON does not know but rows do: numpy's, torch's and jax's scalars."""
    try:
        kind, cell = scalars.read(value)
    except scalars.NoScalar as exc:
        raise TypeError(f"no JSON for {exc}") from None
    if kind in (scalars.BOOL, scalars.INT, scalars.FLOAT, scalars.NULL):
        return cell
    raise TypeError(f"no JSON for {scalars.describe(value)}")


class Blobs:
    """One image or one piece of octets per row, and per payload."""

    def __init__(self, stream: str, media: str) -> None:
        self._stream = stream
        self._media = media

    def read(self, value: Any) -> tuple[bytes, int]:
        """Copy one blob, or make one of an array of pixels; returns it and its weight in bytes.

        Raises
        ------
        RowError
            If it is neither bytes nor, for an image, pixels; or too large.
        """
        if self._media.startswith("image/") and picture.is_array(value):
            value = self._picture(value)
        try:
            blob = bytes(memoryview(value))
        except (TypeError, BufferError, ValueError):
            raise RowError(
                f"stream {self._stream!r} has media {self._media}: expected bytes; "
                f"got {scalars.describe(value)}"
            ) from None
        if len(blob) > limits.Outbox.blob_bytes:
            raise RowError(
                f"stream {self._stream!r}: a value may have {limits.Outbox.blob_bytes} bytes; "
                f"got {len(blob)}"
            )
        return blob, len(blob)

    def _picture(self, pixels: Any) -> bytes:
        try:
            return picture.encode(pixels, self._media)
        except ValueError as exc:
            raise RowError(f"stream {self._stream!r} has media {self._media}: {exc}") from exc

    def encode(self, rows: Sequence[bytes]) -> list[Encoded]:
        """Write each blob as its own payload."""
        return [Encoded(1, blob) for blob in rows]

    def join(self, rows: Sequence[bytes], schema: object) -> bytes:
        """Join nothing: a blob is a payload of its own, so there is never more than one."""
        raise AssertionError("blobs are not compacted")
