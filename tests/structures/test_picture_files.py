"""Which picture files are read, and what is made of those that are deep, cut off, sideways or damaged."""

import io
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from engine.data import own
from engine.errors import PhotoError
from engine.structures.decoding import SHOWN_SIDE
from engine.structures.photo import Photo
from engine.structures.picture_kinds import FORMATS

ROOT = Path(__file__).parents[2]
SAVE_AS = "Save the picture as JPEG or PNG first."
DAMAGED = "The picture is damaged or cut off. Save it again, or choose another one."
needs_avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow is built without AVIF")


def scene(width=320, height=240, grain=6):
    """A smooth picture with some grain, as photos have it."""
    y, x = np.mgrid[:height, :width] / max(width, height)
    colours = np.stack([200 * x + 40, 220 * y + 30, 160 - 120 * x * y], axis=-1)
    noise = np.random.default_rng(0).integers(-grain, grain + 1, (height, width, 1))
    return Image.fromarray((colours + noise).clip(0, 255).astype(np.uint8))


def encoded(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png(rows, bits, width, height):
    """A PNG from its rows, [width] for grey or [width, 3], which Pillow does not write with 16 bits a channel."""

    def part(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer, packed, colours = zlib.compressobj(1), b"", 0
    for row in rows:
        packed += packer.compress(b"\0" + row.astype(">u2" if bits == 16 else np.uint8).tobytes())
        colours = 2 if row.ndim == 2 else 0
    header = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", packed + packer.flush())
            + part(b"IEND", b""))


def refusal(data):
    with pytest.raises(PhotoError) as refused:
        Photo.open(data)
    return str(refused.value)


def test_pillow_opens_the_formats_of_the_list_and_no_other() -> None:
    Image.init()
    read = set()
    for kind in Image.SAVE:
        try:
            data = encoded(scene(64, 48), kind)
        except (OSError, ValueError, KeyError):  # wants another mode, or is not built in
            continue
        if kind not in (*FORMATS, "MPO", "DIB"):
            assert "not read" in refusal(data) or "not a picture that can be read" in refusal(data), kind
            continue
        if kind != "DIB":
            assert Photo.open(data).pixels.shape == (48, 64, 3), kind
            read.add(kind)
    assert read >= {"JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF"}


def test_only_one_module_opens_files_with_pillow() -> None:
    files = [*ROOT.glob("engine/**/*.py"), *ROOT.glob("studio/**/*.py"), ROOT / "app.py"]
    openers = [f.name for f in files if "Image.open(" in f.read_text(encoding="utf-8")]
    assert openers == ["decoding.py"]


def test_eps_starts_no_ghostscript(tmp_path, monkeypatch) -> None:
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path / 'started'}\nexit 1\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 160 120\n%%EndComments\nshowpage\n%%EOF\n"
    (tmp_path / "eps.eps").write_bytes(eps)
    with pytest.raises(PhotoError, match=r"^The format of this file is EPS, which is not read\. .* \(eps\.eps\)$"):
        Photo.open(tmp_path / "eps.eps")
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(("head", "message"), [
    (struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"heic", 0, b"mif1", b"heic"), "The format of this file is HEIC, which"),
    (struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"mif1", 0, b"mif1", b"heic"), "The format of this file is HEIC, which"),
    (struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0), "The format of this file is MP4 or QuickTime video, which"),
    (b"8BPS\0\1", "The format of this file is PSD, which"), (b"%PDF-1.7\n", "The format of this file is PDF, which"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "The format of this file is JPEG XL, which"),
    (b'<?xml version="1.0"?><svg xmlns="x"/>', "The format of this file is SVG, which"),
    (b"\n<!DOCTYPE html><html>", "This file is a web page and not a picture."),
    (b"version https://git-lfs.github.com/spec/v1\n", "This file is a pointer of Git LFS and not a picture.")])
def test_a_kind_that_is_not_read_is_named_with_what_to_do(tmp_path, head, message) -> None:
    assert refusal(head + bytes(400)).startswith(message)
    (tmp_path / "photo.jpg").write_bytes(head + bytes(400))
    with pytest.raises(PhotoError, match=r"\(photo\.jpg\)$"):
        Photo.check(tmp_path / "photo.jpg")


def test_the_preview_in_a_camera_raw_file_does_not_stand_for_the_photo() -> None:
    assert "only a preview" in refusal(encoded(scene(64, 48), "TIFF", tiffinfo={254: 1}))


@pytest.mark.parametrize("progressive", [False, True], ids=["baseline", "progressive"])
@pytest.mark.parametrize("lost", [1, 2, 12, 60])
def test_a_jpeg_that_lacks_its_last_bytes_is_read(progressive, lost) -> None:
    whole = encoded(scene(), "JPEG", quality=80, progressive=progressive)
    difference = np.abs(Photo.open(whole[:-lost]).pixels.astype(int) - Photo.open(whole).pixels)
    assert difference[:216].max() <= (60 if progressive else 0) and difference[:216].mean() < 1


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}],
                         ids=["baseline", "progressive", "restarts"])
def test_more_than_the_end_of_a_jpeg_may_not_be_missing(options) -> None:
    picture = scene(640, 480)
    whole = encoded(picture, "JPEG", quality=80, **options)
    told, pixels = Photo.open(whole).pixels.astype(int), []
    for share in np.linspace(0.02, 0.995, 40):
        try:
            pixels.append((share, Photo.open(whole[:int(len(whole) * share)]).pixels))
        except PhotoError as error:
            assert str(error) == DAMAGED
    assert pixels and min(share for share, _ in pixels) > 0.75
    for _, seen in pixels:
        assert np.abs(seen[:430] - told[:430]).mean() < 3


def test_other_formats_and_large_jpegs_that_are_cut_off() -> None:
    for kind in ("PNG", "WEBP", "GIF", "BMP", "TIFF"):
        data = encoded(scene(), kind)
        assert refusal(data[:len(data) // 2]), kind
    large = encoded(scene(3100, 2100, grain=0), "JPEG", quality=80)
    assert max(Photo.open(large[:-40]).pixels.shape) == SHOWN_SIDE
    assert refusal(large[:len(large) // 2]) == DAMAGED


GREY = np.asarray(scene(160, 120).convert("L")).astype(np.float32) / 255


def holed(top):
    """The same with pixels that are no number."""
    values = GREY * top
    values[40:44, 40:44] = np.nan
    values[0, 0] = np.inf
    return values


@pytest.mark.parametrize(("values", "kind"), [
    (GREY, "TIFF"), (GREY * 255, "TIFF"), (holed(1), "TIFF"), (holed(65535), "TIFF"),
    ((GREY * 1023).astype(np.uint16), "PNG"), ((GREY * 4095).astype(np.uint16), "PNG"),
    ((GREY * 65535).astype(np.uint16), "PNG"), ((GREY * 4095).astype(np.uint16), "TIFF"),
    ((GREY * 255).astype(np.int32), "TIFF"), ((GREY * 65535).astype(np.int32), "TIFF"),
    ((GREY * (2**24 - 1)).astype(np.int32), "TIFF"), (GREY * 1.04 - 0.02, "TIFF")],
    ids=["0 to 1", "0 to 255", "nan", "nan of 16 bits", "10 bits", "12 bits", "16 bits", "12 bits in TIFF", "8 in 32",
         "16 in 32", "24 in 32", "overshoot"])
def test_deep_grey_pictures_keep_their_brightness(values, kind) -> None:
    told = Photo.open(encoded(Image.fromarray(values), kind)).pixels
    expected = np.where(np.isfinite(values), GREY, 0)
    assert abs(told.mean() - 255 * expected.mean()) < 2.5
    assert np.abs(told[..., 0].astype(int)[50:] - 255 * GREY[50:]).max() < 8


@pytest.mark.parametrize(("values", "message"), [
    (np.full((20, 30), np.nan, np.float32), "no pixel with a number"),
    (GREY * 5, "The largest value of the picture is"),
    (GREY * 400 - 100, "negative values, down to -"), ((GREY * 9).astype(np.uint16), "would be shown as black"),
    (GREY * 1e20, "at most 32 bits are read")])
def test_deep_pictures_whose_range_says_nothing_are_refused(values, message) -> None:
    said = refusal(encoded(Image.fromarray(values), "TIFF"))
    assert message in said and said.endswith("Save it with 8 bits a channel first.")


def test_colours_of_12_bits_in_16_are_refused_and_of_16_are_read() -> None:
    told = np.asarray(scene(40, 30))
    assert np.abs(Photo.open(png(told / 255 * 65535, 16, 40, 30)).pixels.astype(int) - told).max() <= 1
    assert "uses at most 12 of them" in refusal(png(told / 255 * 4095, 16, 40, 30))


def test_16_bits_take_hardly_more_memory_than_8(tmp_path) -> None:
    measure = ("import resource, sys; from pathlib import Path; from engine.structures.photo import Photo;"
               "start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
               "shape = Photo.open(Path(sys.argv[1])).pixels.shape;"
               "print(*shape, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) >> 10)")
    peaks = {}
    for bits in (8, 16):
        path = tmp_path / f"{bits}.png"
        path.write_bytes(png([np.linspace(0, 2**bits - 1, 4500)] * 4500, bits, 4500, 4500))
        said = subprocess.check_output([sys.executable, "-c", measure, path], cwd=ROOT, text=True)
        height, width, _, peaks[bits] = map(int, said.split())
        assert (height, width) == (SHOWN_SIDE, SHOWN_SIDE)
    # 20 megapixels: with two bytes each they are 20 MB more, and their 8 bits are kept beside them for a moment
    assert peaks[16] - peaks[8] < 20 + 20 + 16, peaks


@needs_avif
def test_whatever_a_damaged_avif_raises_is_a_photo_error() -> None:
    whole = encoded(scene(160, 120), "AVIF", quality=50)
    assert refusal(whole[:-40] + b"\xff" * 40) == DAMAGED
    pick, refused = random.Random(0), 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(pick.randint(1, 8)):
            data[pick.randrange(len(data))] = pick.randrange(256)
        try:
            Photo.open(bytes(data))
        except PhotoError:
            refused += 1
    assert refused > 20


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", pytest.param("AVIF", marks=needs_avif)])
def test_the_size_by_the_header_is_the_size_as_seen(tmp_path, kind) -> None:
    upright = Image.new("RGB", (40, 64), (200, 200, 200))
    upright.paste((220, 20, 20), (0, 0, 20, 32))  # red in the left upper corner
    back = {1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
            4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90,
            7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270}
    for orientation, turn in back.items():
        exif = Image.Exif()
        exif[274] = orientation
        stored = upright if turn is None else upright.transpose(turn)
        (tmp_path / "photo.jpg").write_bytes(encoded(stored, kind, exif=exif))
        assert Photo.check(tmp_path / "photo.jpg") == (40, 64), orientation
        pixels = Photo.open(tmp_path / "photo.jpg").pixels
        assert pixels.shape == (64, 40, 3) and pixels[8, 5, 1] < 90 and pixels[50, 35, 1] > 150, orientation


def test_a_broken_block_of_exif_turns_nothing() -> None:
    data = encoded(scene(64, 48), "JPEG", exif=b"Exif\0\0MM\0*\0\0\xff\xf0garbage")
    assert Photo.open(data).pixels.shape == (48, 64, 3)


@pytest.mark.parametrize("name", ["exif6.tif", "a_tiff_called.jpg"])
def test_boxes_of_a_sideways_tiff_among_ones_own_photos_are_those_of_the_upright_photo(tmp_path, name) -> None:
    exif = Image.Exif()
    exif[274] = 6
    scene(160, 120).save(tmp_path / name, "TIFF", exif=exif)
    (tmp_path / "photos.csv").write_text(f"photo,phrase,x1,y1,x2,y2\n{name},the round thing,12,40,48,104\n"
                                         f"{name},the lowest part,0,125,120,160\n")
    table = own.read(tmp_path, "grounding")
    assert not table.problems
    assert [e.box for e in table.entries] == [(0.1, 0.25, 0.4, 0.65), (0.0, 0.78125, 1.0, 1.0)]
