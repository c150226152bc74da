"""A picture is kept as the picture and nothing else; what is no whole JPEG is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol_specs.web.pictures import PICTURE_BYTES_MAX, BadPicture, clean_jpeg
from tests.support.pictures import HTML, JPEG, SVG, segment, with_segment, with_sides

GPS = b"Exif\x00\x00MM\x00\x2a" + b"3.1390N 101.6869E"


def test_a_browsers_picture_is_kept_byte_for_byte() -> None:
    assert clean_jpeg(JPEG) == JPEG


@pytest.mark.parametrize("marker", [0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE])
def test_what_cameras_write_beside_the_picture_is_gone(marker: int) -> None:
    assert clean_jpeg(with_segment(marker, GPS)) == JPEG


@pytest.mark.parametrize("tail", [b"PK\x03\x04 an archive", HTML, b"\x00" * 99, JPEG])
def test_what_follows_the_end_is_gone(tail: bytes) -> None:
    assert clean_jpeg(JPEG + tail) == JPEG


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        (SVG, "kind"),
        (HTML, "kind"),
        (b"\x89PNG\r\n\x1a\n" + JPEG, "kind"),
        (b"GIF89a" + JPEG, "kind"),
        (b"", "kind"),
        (with_sides(40_000, 40_000), "sides"),
        (with_sides(4_097, 16), "sides"),
        (with_sides(16, 0), "sides"),
        (with_sides(15, 16), "sides"),
        (JPEG + b"\x00" * PICTURE_BYTES_MAX, "size"),
        (b"\xff\xd8\xff\xd9", "broken"),
        (JPEG[:2] + segment(0xDA, b"\x00" * 10) + JPEG[2:], "broken"),  # a scan before its frame
        (with_segment(0xC0, b"\x08\x00\x10\x00\x10\x01\x01\x11\x00"), "broken"),  # two frames
        (with_segment(0xC3, b"\x08\x00\x10\x00\x10\x01\x01\x11\x00"), "broken"),  # lossless
        (with_segment(0xF0, b"no such segment"), "broken"),
        (JPEG[:2] + b"<script>" + JPEG[2:], "kind"),
    ],
)
def test_what_is_no_picture_of_ours_is_refused_by_its_bytes(sent: bytes, fault: str) -> None:
    with pytest.raises(BadPicture) as refused:
        clean_jpeg(sent)
    assert refused.value.fault == fault


@given(st.integers(0, len(JPEG) - 1))
def test_a_picture_that_was_cut_off_is_refused_wherever_it_was_cut(length: int) -> None:
    with pytest.raises(BadPicture):
        clean_jpeg(JPEG[:length])


def test_a_picture_of_thousands_of_scans_is_refused() -> None:
    scan = JPEG[JPEG.index(b"\xff\xda") : -2]
    with pytest.raises(BadPicture):
        clean_jpeg(JPEG[:-2] + scan * 40 + JPEG[-2:])


@given(st.binary(max_size=600), st.integers(0, len(JPEG)), st.integers(0, 200))
def test_whatever_is_sent_is_refused_or_clean_and_clean_once_more_the_same(
    junk: bytes, at: int, cut: int
) -> None:
    try:
        kept = clean_jpeg(JPEG[:at] + junk + JPEG[at + cut :])
    except BadPicture:
        return
    assert kept.startswith(JPEG[:20])
    assert kept.endswith(b"\xff\xd9")
    assert clean_jpeg(kept) == kept
