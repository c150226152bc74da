"""A picture out of a form that was sent, and the answer that shows one."""

from __future__ import annotations

from aiohttp import web

from bpp.work import words
from protocol_specs.web.pictures import BadPicture, clean_jpeg
from protocol_specs.web.visit import Visit


def picture_in(visit: Visit, name: str) -> bytes | None:
    """The picture of that field, clean; None: none was chosen. What the browser says of its type
    and name counts for nothing. Raises BadPicture."""
    sent = visit.files.get(name, b"")
    return clean_jpeg(sent) if sent else None


def said(visit: Visit, bad: BadPicture) -> str:
    """What is wrong with it, and what to do."""
    return visit._(words.FAULTS[bad.fault])


def shown(body: bytes) -> web.Response:
    """The picture; the face's own headers keep it out of caches and frames."""
    return web.Response(body=body, content_type="image/jpeg")
