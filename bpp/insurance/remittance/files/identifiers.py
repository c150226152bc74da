"""Names that banks accept: of accounts, of banks, of references, and those we give our messages."""

import hashlib
import re
from collections.abc import Sequence

LONGEST = 35  # Max35Text of ISO 20022: MsgId, PmtInfId, EndToEndId
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_RF = re.compile(r"RF[0-9]{2}[A-Z0-9]{1,21}")
_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?")
# What SEPA lets stand in an identification; a slash neither first nor last, nor two in a row.
_PLAIN = re.compile(r"(?!/)(?!.*//)[A-Za-z0-9/?:().,'+ -]{1,35}(?<!/)")


def is_iban_like(text: str) -> bool:
    """Whether it is written as an IBAN is; a plain account number never is."""
    return _IBAN.fullmatch(text) is not None


def iban(text: str) -> str:
    """Without blanks. Raises ValueError: not written as one, or its check digits (ISO 13616)."""
    plain = "".join(text.split()).upper()
    if not is_iban_like(plain):
        raise ValueError(f"{text[:40]!r} is no IBAN")
    if _mod97(plain) != 1:
        raise ValueError(f"{text[:40]!r}: the check digits of this IBAN are wrong")
    return plain


def bic(text: str) -> str:
    """8 or 11 letters and digits (ISO 9362). Raises ValueError."""
    plain = text.strip().upper()
    if _BIC.fullmatch(plain) is None:
        raise ValueError(f"{text[:40]!r} is no BIC: 8 or 11 letters and digits")
    return plain


def is_rf(reference: str) -> bool:
    """Whether it begins as a creditor reference of ISO 11649 does."""
    return re.match(r"RF[0-9]{2}", reference) is not None


def creditor_reference(text: str) -> str:
    """Ours to name in each payment. One of ISO 11649 is checked. Raises ValueError."""
    plain = " ".join(text.split()).upper()
    if is_rf(plain):
        plain = plain.replace(" ", "")
        if _RF.fullmatch(plain) is None or _mod97(plain) != 1:
            raise ValueError(f"{text[:40]!r}: the check digits of this RF reference are wrong")
        return plain
    return identification(text)


def identification(text: str) -> str:
    """One that any bank takes. Raises ValueError: too long, or with other characters."""
    if _PLAIN.fullmatch(text) is None:
        raise ValueError(
            f"{text[:40]!r}: 1 to 35 letters of A to Z, digits and / - ? : ( ) . , ' + or blanks, "
            "with no slash first, last or twice in a row"
        )
    return text


def end_to_end_id(remittance: str, attempt: int = 1) -> str:
    """What banks call an attempt at paying a remittance: its id, shortened if it is too long."""
    return _fitting(remittance + _again(attempt))


def message_id(remittances: Sequence[str], principal: str, attempt: int = 1) -> str:
    """The MsgId of a payment file: made of its remittances, of whose they are, and of which attempt
    at them it is. Two cooperatives have remittances of one name: a status report may say no more
    of a file than its MsgId, so that is never the same of both.
    """
    whose = f"{_digest(principal, 6)}{_again(attempt)}"
    if len(remittances) == 1:
        return _fitting(f"{remittances[0]}-{whose}")
    return _fitting(f"remit-{_digest('+'.join(sorted(remittances)), 16)}-{whose}")


def instruction_id(message: str, n: int) -> str:
    """The PmtInfId of a message's n-th instruction."""
    return _fitting(f"{message}-{n}")


def _again(attempt: int) -> str:
    return "" if attempt == 1 else f"-a{attempt}"


def _fitting(text: str) -> str:
    """The same where it fits; else its beginning and a digest of all of it."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - 13]}-{_digest(text, 12)}"
    return identification(text)


def _digest(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def _mod97(text: str) -> int:
    """ISO 7064 MOD 97-10 of what IBAN and RF share: the first four characters read last."""
    moved = text[4:] + text[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97
