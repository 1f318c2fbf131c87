"""What does an array of pixels cost the loop that pushes it?

``push`` makes a PNG of it, or a JPEG where the stream is of these, and waits meanwhile. Three
pictures: flat colours, a smooth gradient, and a gradient with a camera's noise.

python benchmarks/picture.py
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from jupyter_sio.kernel.media import Blobs

SIZES = ((480, 640), (1080, 1920))


def pictures(height: int, width: int) -> dict[str, Any]:
    rows, columns = np.mgrid[0:height, 0:width]
    flat = np.zeros((height, width, 3), np.uint8)
    flat[height // 4 : height // 2, width // 4 : width // 2] = (255, 90, 0)
    smooth = np.stack([columns // 8, rows // 8, (columns + rows) // 16], -1).astype(np.uint8)
    noise = np.random.default_rng(0).normal(0, 4, smooth.shape)
    noisy = (smooth + noise).clip(0, 255).astype(np.uint8)
    return {"flat": flat, "smooth": smooth, "noisy": noisy}


def main() -> None:
    print(f"{'picture':40}{'ms':>8}{'KB':>10}")
    for height, width in SIZES:
        for name, pixels in pictures(height, width).items():
            for media in ("image/png", "image/jpeg"):
                blobs, best = Blobs("camera", media), float("inf")
                for _ in range(5):
                    begin = time.perf_counter()
                    blob, _ = blobs.read(pixels)
                    best = min(best, time.perf_counter() - begin)
                what = f"{width} x {height} RGB, {name}, {media[6:]}"
                print(f"{what:40}{best * 1e3:8.1f}{len(blob) / 1e3:10.0f}")


if __name__ == "__main__":
    main()
