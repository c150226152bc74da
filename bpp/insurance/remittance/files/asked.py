"""What the desk may ask of bank files: a shape and a unit each, for the API and the commands."""

from base64 import b64decode, b64encode
from datetime import date
from hashlib import sha256
from typing import Any

from pydantic import Field

from bpp.declined import Declined
from bpp.insurance.agents.filing import Filer
from bpp.insurance.settings import InsuranceSettings
from protocol_specs.node.asked import SHORT_ID, StrictBody
from protocol_specs.node.store import Session

PAYMENT = "/desk/insurance/remittance/files/payment"
BANK = "/desk/insurance/remittance/files/bank"
BYTES_MAX = 512 * 1024  # of a bank's file: it holds our remittances, not our workers


class PaymentAsked(StrictBody):
    """Which remittances are to be paid by one file, and by whose wish (a short id, never a name).

    `on` None: the next working day. `anew`: the bank never took the file made before. `mandate`:
    under which an agent files for us. `stands`: the SHA-256 of what stands where the file is to be
    put, if anything: where the file is another, none is made.
    """

    remittances: list[str] = Field(min_length=1, max_length=50)
    by: str = Field(pattern=SHORT_ID)
    on: str | None = Field(default=None, pattern=r"^\d{4}-\d\d-\d\d$")
    anew: bool = False
    mandate: str | None = Field(default=None, max_length=64)
    stands: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class BankFileAsked(StrictBody):
    """A bank's file, pain.002 or camt.054, base64; its name for messages, and who brings it."""

    name: str = Field(min_length=1, max_length=200)
    content: str = Field(max_length=4 * (BYTES_MAX // 3 + 1))
    by: str = Field(pattern=SHORT_ID)
    mandate: str | None = Field(default=None, max_length=64)


def payment(
    session: Session, settings: InsuranceSettings, asked: PaymentAsked, *, issuer: str, now: int
) -> dict[str, Any]:
    """Makes the file, or gives that made before: `message`, `content` base64, and `own`: what the
    cooperative bears of it and has to bring to which account. Raises Declined, and keeps nothing.
    """
    from bpp.insurance.remittance.files import making  # lxml only where it is needed

    try:
        on = None if asked.on is None else date.fromisoformat(asked.on)
    except ValueError:
        raise Declined(f"{asked.on} is no day") from None
    filer = Filer(principal=issuer, now=now, mandate=asked.mandate)
    wanted = making.Wanted(tuple(asked.remittances), asked.by, on, asked.anew, filer)
    message, document = making.payment_file(session, settings, wanted, now)
    if asked.stands not in (None, sha256(document).hexdigest()):
        raise Declined("what stands there already has other content: name another --out")
    return {
        "message": message,
        "content": b64encode(document).decode(),
        "own": making.own_parts(session, message),
    }


def bank(session: Session, asked: BankFileAsked, *, issuer: str, now: int) -> dict[str, Any]:
    """Takes the file into the books, once. Raises Declined, and nothing is posted."""
    from bpp.insurance.remittance.files import applying

    try:
        raw = b64decode(asked.content, validate=True)
    except ValueError:
        raise Declined(f"{asked.name}: its content is not base64") from None
    filer = Filer(principal=issuer, now=now, mandate=asked.mandate)
    return applying.apply(session, applying.Taken(asked.name, raw, asked.by, filer), now)
