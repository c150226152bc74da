"""A real JPEG, and what hostile hands make of one."""

from base64 import b64decode

# 16 by 16 pixels, as a browser's canvas wrote it, without its colour profile.
JPEG = b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4"
    "UG1RV19iZ2hnPk1xeXBkeFxlZ2P/2wBDARESEhgVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2Nj"
    "Y2NjY2NjY2NjY2NjY2NjY2NjY2P/wAARCAAQABADASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAQP/xAAZEAAC"
    "AwEAAAAAAAAAAAAAAAAAEQABEiH/xAAVAQEBAAAAAAAAAAAAAAAAAAADBP/EABwRAAEFAAMAAAAAAAAAAAAAABMAAQIR"
    "MkGBof/aAAwDAQACEQMRAD8AiAafUoFWSUQPL43Ar0Tk0hiatJ4lM95487X/2Q=="
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"


def segment(marker: int, payload: bytes) -> bytes:
    """A marker segment (ITU-T T.81, B.1.1.4)."""
    return bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2) + payload


def with_segment(marker: int, payload: bytes) -> bytes:
    """The picture with one more segment at its beginning, such as a camera's."""
    return JPEG[:2] + segment(marker, payload) + JPEG[2:]


def with_sides(width: int, height: int) -> bytes:
    """The picture that says it has these sides."""
    at = JPEG.index(b"\xff\xc0") + 5
    return JPEG[:at] + height.to_bytes(2) + width.to_bytes(2) + JPEG[at + 4 :]
