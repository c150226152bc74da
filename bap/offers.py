"""Offers as rows, and how often a provider has answered; in the caller's transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.sqlite import insert as upsert

from bap.tables import AnsweredRow, OfferRow
from protocol_specs.node.store import Session, Statement
from protocol_specs.wire import strict_json

DIGEST_BYTES, DIGESTS_MAX = 16, 32
_O, _A = OfferRow.__table__, AnsweredRow.__table__
_OFFER_COLUMNS = ("journey_id", "offer_id", "bpp_id", "document", "at")

_OFFER = Statement(
    upsert(_O)
    .values({name: bindparam(name) for name in _OFFER_COLUMNS})
    .on_conflict_do_update(
        index_elements=["journey_id", "offer_id"],
        set_={"document": bindparam("document"), "at": bindparam("at")},
    )
)
_OFFERS = Statement(
    sa.select(_O).where(_O.c.journey_id == bindparam("journey_id")).order_by(_O.c.at, _O.c.offer_id)
)
_ONE_OFFER = Statement(
    sa.select(_O).where(
        _O.c.journey_id == bindparam("journey_id"), _O.c.offer_id == bindparam("offer_id")
    )
)
_ANSWERED_COLUMNS = ("message_id", "bpp_id", "times", "digests")
_ANSWER = Statement(
    upsert(_A)
    .values({name: bindparam(name) for name in _ANSWERED_COLUMNS})
    .on_conflict_do_update(
        index_elements=["message_id", "bpp_id"],
        set_={"times": bindparam("times"), "digests": bindparam("digests")},
    )
)
_ANSWERS = Statement(
    sa.select(_A.c.times, _A.c.digests).where(
        _A.c.message_id == bindparam("message_id"), _A.c.bpp_id == bindparam("bpp_id")
    )
)


def keep(session: Session, journey_id: str, document: Mapping[str, Any], now: int) -> None:
    """Writes an offer, or what the provider now says about it."""
    session.run(
        _OFFER,
        journey_id=journey_id,
        offer_id=document["offer_id"],
        bpp_id=document["bpp_id"],
        document=strict_json.dumps(document),
        at=now,
    )


def every(session: Session, journey_id: str) -> list[dict[str, Any]]:
    """All offers of a journey as they are shown, in the order in which they came."""
    return [orjson.loads(row["document"]) for row in session.all(_OFFERS, journey_id=journey_id)]


def find(session: Session, journey_id: str, offer_id: str) -> dict[str, Any] | None:
    """One offer as it is shown."""
    row = session.one(_ONE_OFFER, journey_id=journey_id, offer_id=offer_id)
    return None if row is None else orjson.loads(row["document"])


def count_answer(session: Session, message_id: str, bpp_id: str, digest: str) -> None:
    """Counts one more answer of a provider to a request, and remembers it by its digest. The
    journey is locked."""
    times, before = _answers(session, message_id, bpp_id)
    digests = (before + _short(digest))[-DIGESTS_MAX * DIGEST_BYTES :]
    session.run(_ANSWER, message_id=message_id, bpp_id=bpp_id, times=times + 1, digests=digests)


def is_counted(session: Session, message_id: str, bpp_id: str, digest: str) -> bool:
    """Whether that answer was counted before, and is among the last that were."""
    _, known = _answers(session, message_id, bpp_id)
    return _short(digest) in (
        known[n : n + DIGEST_BYTES] for n in range(0, len(known), DIGEST_BYTES)
    )


def answers(session: Session, message_id: str, bpp_id: str) -> int:
    """How often a provider has answered a request."""
    return _answers(session, message_id, bpp_id)[0]


def _answers(session: Session, message_id: str, bpp_id: str) -> tuple[int, bytes]:
    row = session.one(_ANSWERS, message_id=message_id, bpp_id=bpp_id)
    return (0, b"") if row is None else (row["times"], row["digests"])


def _short(digest: str) -> bytes:
    return hashlib.sha256(digest.encode()).digest()[:DIGEST_BYTES]
