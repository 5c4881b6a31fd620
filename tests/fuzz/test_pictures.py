"""A damaged picture of any format gives pixels or a PhotoError, and needs no more memory than the largest whole one."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, features

from engine.structures.photo import Photo
from tests.fuzz.mutations import damaged, examples, refusing, within

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 80, 3), dtype=np.uint8))
GREY = np.asarray(NOISE.convert("L"))
EXIF = Image.Exif()
EXIF[274] = 6


def encoded(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


SEEDS = {
    "jpeg": [encoded(NOISE, "JPEG", exif=EXIF), encoded(NOISE, "JPEG", progressive=True),
             encoded(NOISE.convert("CMYK"), "JPEG"), encoded(NOISE, "MPO", save_all=True, append_images=[NOISE])],
    "png": [encoded(NOISE, "PNG", exif=EXIF), encoded(NOISE.convert("P"), "PNG", transparency=3),
            encoded(Image.fromarray(GREY.astype(np.uint16) * 256), "PNG"), encoded(NOISE.convert("LA"), "PNG"),
            encoded(NOISE, "PNG", save_all=True, append_images=[NOISE.rotate(180)])],
    "webp": [encoded(NOISE, "WEBP", exif=EXIF), encoded(NOISE.convert("RGBA"), "WEBP", lossless=True),
             encoded(NOISE, "WEBP", save_all=True, append_images=[NOISE.rotate(180)])],
    "gif": [encoded(NOISE, "GIF"), encoded(NOISE, "GIF", save_all=True, append_images=[NOISE.rotate(180)])],
    "bmp": [encoded(NOISE, "BMP"), encoded(NOISE.convert("P"), "BMP"), encoded(NOISE.convert("1"), "BMP")],
    "tiff": [encoded(NOISE, "TIFF", exif=EXIF), encoded(NOISE, "TIFF", compression="tiff_adobe_deflate"),
             encoded(NOISE, "TIFF", compression="jpeg"), encoded(NOISE, "TIFF", compression="tiff_lzw"),
             encoded(Image.fromarray(GREY.astype(np.float32)), "TIFF"),
             encoded(Image.fromarray(GREY.astype(np.uint16) * 256), "TIFF")],
} | ({"avif": [encoded(NOISE, "AVIF", exif=EXIF), encoded(NOISE.convert("RGBA"), "AVIF", speed=9)]}
     if features.check("avif") else {})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", SEEDS)
def test_a_damaged_picture_is_read_or_refused(kind, tmp_path) -> None:
    path = tmp_path / "photo.jpg"

    @examples(120)
    @given(st.one_of(damaged(SEEDS[kind]), st.sampled_from(SEEDS[kind])))
    def check(data):
        with refusing():
            pixels = Photo.open(data).pixels
            path.write_bytes(data)
            assert Photo.check(path) == pixels.shape[1::-1]
        path.write_bytes(data)
        with refusing():
            Photo.check(path)

    with within(700):  # 64 megapixels of four bytes, and once more for what a decoder keeps
        check()
