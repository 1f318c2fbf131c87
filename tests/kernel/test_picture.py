"""Arrays of pixels become images that others can read."""

from __future__ import annotations

import io
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jupyter_sio import limits
from jupyter_sio.errors import RowError
from jupyter_sio.kernel.media import Blobs
from jupyter_sio.kernel.picture import png

PNG, JPEG = "image/png", "image/jpeg"


def pixels(*shape: int) -> Any:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def read(blob: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(blob)))


def pushed(value: Any, media: str = PNG) -> bytes:
    blob, weight = Blobs("camera", media).read(value)
    assert weight == len(blob)
    return blob


@pytest.mark.parametrize("shape", [(7, 5), (7, 5, 2), (7, 5, 3), (7, 5, 4), (1, 1), (300, 2, 3)])
def test_every_pixel_is_in_the_png(shape):
    given = pixels(*shape)
    assert (read(pushed(given)) == given).all()


@pytest.mark.parametrize("part", [np.s_[::2], np.s_[:, ::-1], np.s_[..., ::-1]])
def test_an_array_need_not_lie_in_one_piece(part):
    given = pixels(8, 6, 3)[part]
    assert (read(pushed(given)) == given).all()


def test_one_value_per_pixel_is_grey():
    assert Image.open(io.BytesIO(pushed(pixels(4, 4, 1)))).mode == "L"


def test_what_is_smooth_becomes_small():
    rows, columns = np.mgrid[0:480, 0:640]
    smooth = np.stack([columns // 3, rows // 2, (columns + rows) // 5], -1).astype(np.uint8)
    assert len(png(smooth)) < smooth.size / 5


def test_encoded_images_are_taken_as_they_are():
    assert pushed(b"\x89PNG") == b"\x89PNG"
    assert pushed(np.frombuffer(b"\x89PNG", np.uint8)) == b"\x89PNG"


def test_an_array_in_a_stream_of_jpeg_becomes_one():
    given = np.full((16, 16, 4), 200, np.uint8)
    found = Image.open(io.BytesIO(pushed(given, JPEG)))
    assert (found.format, found.size) == ("JPEG", (16, 16))
    assert abs(int(np.asarray(found).mean()) - 200) < 3


def test_without_pillow_an_array_for_a_jpeg_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(RowError, match=r"'camera'.*pip install pillow.*image/png"):
        pushed(pixels(4, 4, 3), JPEG)
    assert pushed(pixels(4, 4, 3))


@pytest.mark.parametrize("shape", [(4, 4, 5), (0, 4), (4, 0, 3), (2, 4, 4, 3)])
def test_an_array_that_is_no_picture_is_refused_with_its_shape(shape):
    with pytest.raises(RowError, match=" x ".join(map(str, shape))):
        pushed(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", [float, bool, np.uint16])
def test_values_that_are_no_octets_are_refused(dtype):
    with pytest.raises(RowError, match=rf"uint8; got {np.dtype(dtype)}.*astype"):
        pushed(np.zeros((4, 4), dtype))


def test_other_arrays_are_read_by_what_they_say_of_themselves():
    class Tensor:
        ndim = 3

        def __init__(self, far: bool = False) -> None:
            self.far = far

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            if self.far:
                raise TypeError("can't convert cuda tensor")
            return pixels(4, 4, 3)

    assert (read(pushed(Tensor())) == pixels(4, 4, 3)).all()
    with pytest.raises(RowError, match="main memory: can't convert cuda"):
        pushed(Tensor(far=True))


def test_octets_stay_octets_whatever_their_shape():
    given = pixels(4, 4)
    assert pushed(given, "application/octet-stream") == given.tobytes()


def test_a_png_has_the_bound_that_any_value_has(monkeypatch):
    monkeypatch.setattr(limits.Outbox, "blob_bytes", 1_000)
    with pytest.raises(RowError, match="may have 1000 bytes"):
        pushed(pixels(64, 64, 3))
