"""A slip as the text of a QR code: under 2,000 characters, and all that checking needs.

Text: "WFS1:" and the base45 (RFC 9285) of the zlib stream (RFC 1950) of the slip's file in RFC 8785
bytes. The stream is made with a preset dictionary, `slip_dictionary.json`, which holds the words
that every slip has; it never changes under this prefix. What is signed stays as it was signed. The
proof goes in if there is room for it, else the file says "left_out".
"""

import re
import zlib
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocol_specs.wire.canonical import canonical

if TYPE_CHECKING:
    from segno import QRCode

PREFIX = "WFS1:"
TEXT_MAX = 2_000
FILE_BYTES_MAX = 16_384
LEFT_OUT = "left_out"
BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
PNG_PIXELS = 6  # a module's side
QUIET_MODULES = 4  # the white border that readers need (ISO/IEC 18004)

_DIGITS = re.compile(rf"[{re.escape(BASE45)}]*")
_DICTIONARY = files("bpp.insurance").joinpath("slip_dictionary.json").read_bytes().strip()


class BadText(ValueError):
    """The text is not that of a slip's QR code."""


class TooLong(ValueError):
    """The slip does not fit into a QR code of this size."""


def text(slip: dict[str, Any], signature: str, proof: object) -> str:
    """The text of the code, with the proof if it fits. Raises TooLong."""
    for kept in (proof, LEFT_OUT):
        packed = pack(canonical({"slip": slip, "signature": signature, "proof": kept}))
        if len(packed) < TEXT_MAX:
            return packed
    raise TooLong(f"the slip comes to {len(packed)} characters; a code holds {TEXT_MAX - 1}")


def is_text(body: bytes) -> bool:
    """Whether this claims to be the text of a slip's code."""
    return body.startswith(PREFIX.encode())


def pack(file: bytes) -> str:
    """Those bytes as the text of a code."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 15, 9, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY)
    return PREFIX + base45(squeezer.compress(file) + squeezer.flush())


def unpack(body: bytes) -> bytes:
    """The bytes in the text of a code, as a scanner gave it. Raises BadText."""
    try:
        digits = body.removeprefix(PREFIX.encode()).decode("ascii").rstrip("\r\n")
        if len(digits) > FILE_BYTES_MAX:
            raise BadText("the text is far too long for a QR code")
        stream = zlib.decompressobj(zdict=_DICTIONARY)
        file = stream.decompress(base45_bytes(digits), FILE_BYTES_MAX)
    except (ValueError, zlib.error) as error:
        raise BadText(f"the text of the code is damaged: {error}") from None
    if not stream.eof or stream.unused_data:
        raise BadText("the text of the code is cut short, or something follows it")
    return file


def image(text: str) -> "QRCode":
    """The code: least error correction, for it is printed clean and large."""
    import segno  # only here: checking a slip needs no picture

    return segno.make(text, error="L", boost_error=False, micro=False)


def save(text: str, path: Path) -> None:
    """Writes the picture, PNG or SVG by the name of the file. Raises BadText for another kind."""
    if path.suffix.lower() not in (".png", ".svg"):
        raise BadText(f"{path}: a code is written as .png or .svg")
    image(text).save(str(path), scale=PNG_PIXELS, border=QUIET_MODULES)


def svg(text: str) -> bytes:
    """The picture as an SVG document."""
    document = BytesIO()
    image(text).save(document, kind="svg", border=QUIET_MODULES, omitsize=True)
    return document.getvalue()


def base45(raw: bytes) -> str:
    """RFC 9285: two bytes are three digits, lowest first; a last single byte is two."""
    digits = []
    for start in range(0, len(raw), 2):
        pair = raw[start : start + 2]
        number = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            number, digit = divmod(number, 45)
            digits.append(BASE45[digit])
    return "".join(digits)


def base45_bytes(text: str) -> bytes:
    """The bytes of RFC 9285 text. Raises ValueError for what no bytes stand behind."""
    if not _DIGITS.fullmatch(text) or len(text) % 3 == 1:
        raise ValueError("that is not base45")
    raw = bytearray()
    for start in range(0, len(text), 3):
        group = text[start : start + 3]
        number = sum(BASE45.index(digit) * 45**n for n, digit in enumerate(group))
        if number >= 256 ** (len(group) - 1):
            raise ValueError("that is not base45: a group is above its bytes")
        raw += number.to_bytes(len(group) - 1, "big")
    return bytes(raw)
