"""Which picture files are read, and the names of those that are not."""

from __future__ import annotations

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
"""Pillow's names. No other decoder is ever started: some of Pillow's run other programs or read other files."""
ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")
HEAD_BYTES = 1024

_READ_BRANDS = (b"avif", b"avis")
_BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"heim": "HEIC", b"heis": "HEIC", b"hevc": "HEIC", b"hevx": "HEIC",
           b"mif1": "HEIF", b"msf1": "HEIF", b"crx ": "camera raw (CR3)"}
_STARTS = {
    b"%!PS": "EPS", b"\xc5\xd0\xd3\xc6": "EPS", b"%PDF": "PDF", b"8BPS": "PSD",
    b"\x00\x00\x00\x0cjP  \r\n\x87\n": "JPEG 2000", b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\xff\x0a": "JPEG XL", b"\x00\x00\x00\x0cJXL \r\n\x87\n": "JPEG XL",
    b"\x00\x00\x01\x00": "ICO", b"\x00\x00\x02\x00": "CUR", b"icns": "ICNS", b"DDS ": "DDS", b"qoif": "QOI",
    b"\x76\x2f\x31\x01": "OpenEXR", b"#?RADIANCE": "Radiance HDR", b"#?RGBE": "Radiance HDR",
    b"SIMPLE  =": "FITS", b"\xd7\xcd\xc6\x9a": "WMF", b"FUJIFILMCCD-RAW": "camera raw (RAF)",
    b"II*\x00\x10\x00\x00\x00CR": "camera raw (CR2)", b"IIRO": "camera raw (ORF)", b"IIU\x00": "camera raw (RW2)",
    b"P1\n": "PBM", b"P4\n": "PBM", b"P2\n": "PGM", b"P5\n": "PGM", b"P3\n": "PPM", b"P6\n": "PPM",
    b"P4 ": "PBM", b"P5 ": "PGM", b"P6 ": "PPM", b"Pf\n": "PFM", b"PF\n": "PFM"}
_ADVICE = "Save the picture as JPEG or PNG first."


def unread_kind(head: bytes) -> str | None:
    """Name the picture format of a file that is not read here.

    Args:
        head: the first bytes of the file, `HEAD_BYTES` where it has so many

    Returns:
        The name, such as "HEIC" or "EPS", or None where the format is read or unknown.
    """
    if head[4:8] == b"ftyp":
        brands = [head[at:at + 4] for at in (8, *range(16, min(int.from_bytes(head[:4], "big"), len(head)), 4))]
        if any(brand in _READ_BRANDS for brand in brands):
            return None
        named = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
        return "HEIC" if "HEIC" in named else named[0] if named else "MP4 or QuickTime video"
    for start, kind in _STARTS.items():
        if head.startswith(start):
            return kind
    if head[128:132] == b"DICM":
        return "DICOM"
    return "SVG" if b"<svg" in head.lower() else None


def why_unread(head: bytes) -> str | None:
    """Say what a file is that is no picture of a format that is read, and what to do.

    Args:
        head: the first bytes of the file, `HEAD_BYTES` where it has so many

    Returns:
        Two sentences, or None where the kind of the file is unknown or is read.
    """
    kind, text = unread_kind(head), head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if kind:
        return f"The format of this file is {kind}, which is not read. {_ADVICE}"
    if text.startswith((b"<!doctype html", b"<html")):
        return "This file is a web page and not a picture. Open the page, and save the picture itself."
    if head.startswith(b"version https://git-lfs"):
        return "This file is a pointer of Git LFS and not a picture. Fetch the picture with `git lfs pull`."
    return None
