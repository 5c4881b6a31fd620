"""Every kind of file that a visitor may hand in."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.errors import PhotoError
from engine.structures.photo import Photo

RED = (200, 30, 30)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds no pixels."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (b"\x89PNG\r\n\x1a\n" + part(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + part(b"IDAT", zlib.compress(b"")) + part(b"IEND", b""))


@pytest.mark.parametrize(("data", "message"), [
    (b"", "empty"),
    (b"not a picture at all", "not a picture"),
    (encoded(Image.new("RGB", (300, 200), RED), "JPEG")[:900], "damaged or cut off"),
    (png_header(30_000, 30_000), "over 64 megapixels"),
    (png_header(9_000, 8_000), "72 megapixels; at most 64"),
    (encoded(Image.new("RGB", (1, 1)), "PNG"), "1 x 1 pixels; it needs at least 2 x 2"),
])
def test_what_cannot_be_read_is_refused_with_its_reason(data: bytes, message: str) -> None:
    with pytest.raises(PhotoError, match=message):
        Photo.open(data)


def test_a_missing_file_is_named_as_such(tmp_path) -> None:
    with pytest.raises(PhotoError, match="could not be read"):
        Photo.open(tmp_path / "nowhere.jpg")


def test_a_file_that_cannot_be_read_is_named_without_its_folder(tmp_path) -> None:
    (tmp_path / "cut.jpg").write_bytes(encoded(Image.new("RGB", (300, 200), RED), "JPEG")[:900])
    for name, said in [("cut.jpg", "The picture is damaged"), ("nowhere.jpg", "The picture could not be read")]:
        with pytest.raises(PhotoError) as refused:
            Photo.open(str(tmp_path / name))
        assert str(refused.value).startswith(said) and str(refused.value).endswith(f"({name})")
        assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize(("mode", "kind"), [
    ("RGB", "PNG"), ("CMYK", "JPEG"), ("L", "PNG"), ("P", "PNG"), ("RGBA", "PNG"), ("LA", "PNG"), ("RGB", "WEBP")])
def test_every_mode_becomes_upright_rgb(mode: str, kind: str) -> None:
    photo = Photo.open(encoded(Image.new("RGB", (30, 20), RED).convert(mode), kind))
    assert photo.pixels.shape == (20, 30, 3) and photo.pixels.dtype == np.uint8
    if mode not in ("L", "LA", "CMYK"):
        assert np.abs(photo.pixels.reshape(-1, 3).mean(0) - RED).max() < 6


def test_16_bit_keeps_its_brightness() -> None:
    values = np.full((20, 30), 32768, np.uint16)
    photo = Photo.open(encoded(Image.fromarray(values), "PNG"))
    assert abs(int(photo.pixels.mean()) - 128) <= 1


def test_transparency_lies_on_white_and_an_animation_gives_its_first_frame() -> None:
    assert Photo.open(encoded(Image.new("RGBA", (9, 9), (0, 0, 0, 0)), "PNG")).pixels.min() == 255
    frames = [Image.new("RGB", (9, 9), c) for c in (RED, (0, 0, 255))]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert Photo.open(data).pixels[0, 0, 0] > 150


def test_exif_rotation_is_applied() -> None:
    image = Image.new("RGB", (40, 20), RED)
    exif = image.getexif()
    exif[0x0112] = 6  # rotate 90 degrees to see it upright
    assert (Photo.open(encoded(image, "JPEG", exif=exif)).width, ) == (20,)


def test_a_very_long_picture_is_read_whole() -> None:
    photo = Photo.open(encoded(Image.new("RGB", (5000, 40), RED), "JPEG"))
    assert (photo.width, photo.height) == (5000, 40)


def test_the_same_pixels_have_the_same_digest_by_every_way_in(tmp_path) -> None:
    data = encoded(Image.new("RGB", (30, 20), RED), "PNG")
    (tmp_path / "a.png").write_bytes(data)
    with_alpha = encoded(Image.new("RGBA", (30, 20), (*RED, 255)), "PNG")
    path = tmp_path / "a.png"
    digests = {Photo.open(source).digest for source in (data, path, str(path), with_alpha)}
    assert len(digests) == 1
    assert Photo.open(encoded(Image.new("RGB", (20, 30), RED), "PNG")).digest not in digests


@given(st.binary(max_size=400))
def test_random_bytes_never_escape_the_errors_by_name(data: bytes) -> None:
    with pytest.raises(PhotoError):
        Photo.open(data)


@given(cut=st.integers(40, 800))
def test_a_picture_cut_anywhere_is_refused(cut: int) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), "PNG")
    with pytest.raises(PhotoError):
        Photo.open(data[:-cut - 12])
