"""Pictures that people send: judged by their bytes, kept as the picture and nothing else.

What a JPEG file is made of: ITU-T T.81, annex B.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PICTURE_BYTES_MAX = 200_000
SIDE_MIN, SIDE_MAX = 16, 4_096  # pixels
SCANS_MAX = 32  # a picture of many thousand scans is work for every phone that shows it

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive: what browsers show
_TABLES = frozenset({0xC4, 0xDB, 0xDD})  # Huffman, quantization, restart interval
_APART = frozenset({*range(0xE0, 0xF0), 0xFE})  # of applications, comments: places, names, more
_RESTARTS = frozenset(range(0xD0, 0xD8))
_JFIF = bytes.fromhex("ffe000104a46494600010100000100010000")

Fault = Literal["size", "kind", "sides", "broken"]


class BadPicture(ValueError):
    """What was sent is no picture that is kept; `fault` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


@dataclass(slots=True)
class _Found:
    """What was read so far."""

    kept: bytearray
    frames: int = 0
    scans: int = 0


def clean_jpeg(sent: bytes) -> bytes:
    """The picture alone: without what cameras write beside it, and without what follows its end.

    Raises BadPicture for what is longer than PICTURE_BYTES_MAX, is no JPEG, is cut off, or is
    smaller or larger than the sides that are taken.
    """
    if len(sent) > PICTURE_BYTES_MAX:
        raise BadPicture("size")
    if not sent.startswith(b"\xff\xd8\xff"):
        raise BadPicture("kind")
    found, at = _Found(bytearray(b"\xff\xd8" + _JFIF)), 2
    while True:
        marker, at = _marker(sent, at)
        if marker == _EOI and found.scans:
            return bytes(found.kept + b"\xff\xd9")
        end = at + _length(sent, at)
        if marker not in _APART:
            _judge(found, marker, sent[at:end])
            found.kept += bytes((0xFF, marker)) + sent[at:end]
        if marker == _SOS:
            at, end = end, _scan_end(sent, end)
            found.kept += sent[at:end]
        at = end


def _judge(found: _Found, marker: int, segment: bytes) -> None:
    """Raises BadPicture for a segment that has no place here."""
    if marker in _FRAMES:
        found.frames += 1
        _judge_frame(segment)
    elif marker == _SOS:
        found.scans += 1
    elif marker not in _TABLES:
        raise BadPicture("broken")
    if found.frames > 1 or found.scans > SCANS_MAX or (marker == _SOS and not found.frames):
        raise BadPicture("broken")


def _judge_frame(segment: bytes) -> None:
    if len(segment) < 8 or segment[2] != 8 or segment[7] not in (1, 3):
        raise BadPicture("kind")
    if len(segment) != 8 + 3 * segment[7]:
        raise BadPicture("broken")
    sides = int.from_bytes(segment[3:5]), int.from_bytes(segment[5:7])
    if min(sides) < SIDE_MIN or max(sides) > SIDE_MAX:
        raise BadPicture("sides")


def _marker(sent: bytes, at: int) -> tuple[int, int]:
    """The marker here, and where what belongs to it begins."""
    if at >= len(sent) or sent[at] != 0xFF:
        raise BadPicture("broken")
    while at < len(sent) and sent[at] == 0xFF:  # any number of them may fill (B.1.1.2)
        at += 1
    if at == len(sent):
        raise BadPicture("broken")
    return sent[at], at + 1


def _length(sent: bytes, at: int) -> int:
    length = int.from_bytes(sent[at : at + 2])
    if length < 2 or at + length > len(sent):
        raise BadPicture("broken")
    return length


def _scan_end(sent: bytes, at: int) -> int:
    """Where the marker after a scan stands: 0xFF that is neither stuffed nor a restart."""
    begun = at
    while (at := sent.find(b"\xff", at)) >= 0 and at + 1 < len(sent):
        if sent[at + 1] == 0xFF:
            at += 1
        elif sent[at + 1] == 0 or sent[at + 1] in _RESTARTS:
            at += 2
        elif at == begun:
            break
        else:
            return at
    raise BadPicture("broken")
