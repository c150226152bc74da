"""The rows of payment files: what was made, and what its parts are called at the bank."""

from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from sqlalchemy import bindparam, insert, select

from bpp.insurance.remittance.files.pain001 import Payment
from bpp.insurance.remittance.files.tables import PaymentCredit, PaymentFile
from protocol_specs.node.store import Row, Session, Statement

_credit = PaymentCredit.__table__
_file = PaymentFile.__table__

_FILE = Statement(select(_file).where(_file.c.message == bindparam("message")))
_NEW_FILE = Statement(insert(_file))
_NEW_CREDIT = Statement(insert(_credit))
_BY_NAME = Statement(select(_credit).where(_credit.c.end_to_end == bindparam("end_to_end")))
_OF_MESSAGE = Statement(
    select(_credit).where(_credit.c.message == bindparam("message")).order_by(_credit.c.end_to_end)
)
_OF_REMITTANCE = Statement(
    select(_credit)
    .join(_file, _file.c.message == _credit.c.message)
    .where(_credit.c.remittance == bindparam("remittance"))
    .order_by(_file.c.at, _credit.c.end_to_end)
)


@dataclass(frozen=True, slots=True)
class Made:
    """One credit of a file that was made."""

    end_to_end: str
    message: str
    remittance: str
    currency: str
    amount_minor: int
    account: str


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file that was made, when, and for which day."""

    message: str
    at: int
    on: date
    sha256: str
    document: bytes


def file(session: Session, message: str) -> MadeFile | None:
    """The file of that MsgId; None: none was made."""
    row = session.one(_FILE, message=message)
    if row is None:
        return None
    on = date.fromisoformat(row["on_day"])
    return MadeFile(message, row["at"], on, row["sha256"], bytes(row["document"]))


def credit(session: Session, end_to_end: str) -> Made | None:
    """The credit of that EndToEndId; None: no file of ours had it."""
    row = session.one(_BY_NAME, end_to_end=end_to_end)
    return None if row is None else _made(row)


def credits(session: Session, message: str) -> list[Made]:
    """Every credit of the file of that MsgId; none where no such file was made."""
    return [_made(row) for row in session.all(_OF_MESSAGE, message=message)]


def credits_of(session: Session, remittance: str) -> list[Made]:
    """Every attempt at paying a remittance, oldest first."""
    return [_made(row) for row in session.all(_OF_REMITTANCE, remittance=remittance)]


def keep(session: Session, payment: Payment, document: bytes, by: str) -> None:
    """Notes what the file is, in the caller's transaction."""
    session.run(
        _NEW_FILE,
        message=payment.message_id,
        at=payment.at,
        by=by,
        on_day=payment.on.isoformat(),
        sha256=sha256(document).hexdigest(),
        document=document,
    )
    for each in payment.credits:
        session.run(
            _NEW_CREDIT,
            end_to_end=each.end_to_end,
            message=payment.message_id,
            remittance=each.remittance,
            currency=payment.currency,
            amount_minor=each.amount_minor,
            account=each.account,
        )


def _made(row: Row) -> Made:
    return Made(**{key: row[key] for key in Made.__slots__})
