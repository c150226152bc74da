"""Identity numbers: checked by their country's rule, sealed to the office's key, hashed with ours.

The number itself is in no row, log or message: what is kept is a libsodium sealed box that only
the holder of the private key opens, and a keyed hash that tells whether it was enrolled before.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from stdnum.cn import ric
from stdnum.exceptions import InvalidChecksum, InvalidComponent, InvalidLength, ValidationError
from stdnum.id import nik
from stdnum.in_ import aadhaar
from stdnum.my import nric

from bpp.declined import Declined
from protocol_specs.wire.keys import b64encode, strict_b64decode


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of number: what people call it, whose, and its rule (gives it without separators)."""

    title: str
    country: str  # ISO 3166, three letters
    check: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Identity:
    """A checked number, without separators. Its text never shows the number."""

    kind: str
    number: str

    def __repr__(self) -> str:
        return f"Identity(kind={self.kind!r})"


@dataclass(frozen=True, slots=True)
class IdentityKeys:
    """What an identity is sealed to (32 bytes, X25519), and the secret of the hash."""

    sealed_to: bytes
    hash_secret: bytes


def check(kind: str, number: str) -> Identity:
    """The number, if it is one by its country's rule. Raises Declined with the reason."""
    if kind not in KINDS:
        raise Declined(f"{kind!r} is no kind of identity number; known: {', '.join(KINDS)}")
    try:
        return Identity(kind, KINDS[kind].check(number))
    except ValidationError as fault:
        raise Declined(f"this is no {KINDS[kind].title}: {_why(fault)}") from None


def seal(identity: Identity, key: bytes) -> bytes:
    """The number in a box that only the private half of `key` opens; the node cannot."""
    return bytes(SealedBox(PublicKey(key)).encrypt(f"{identity.kind}:{identity.number}".encode()))


def unseal(box: bytes, private: bytes) -> Identity:
    """For the office, which holds the private half. Raises Declined: sealed to another key."""
    try:
        kind, _, number = SealedBox(PrivateKey(private)).decrypt(box).decode().partition(":")
    except CryptoError:
        raise Declined("this was not sealed to the public half of that key") from None
    return Identity(kind, number)


def keyed_hash(identity: Identity, secret: bytes) -> bytes:
    """The same for the same person, and nothing to whoever has not the secret."""
    return hmac.digest(secret, f"{identity.kind}:{identity.number}".encode(), "sha256")


def hash_secret(ledger_seed: bytes) -> bytes:
    """The secret of the hash, out of the ledger key, which lies outside the data folder."""
    return hashlib.blake2b(key=ledger_seed, digest_size=32, person=b"wayfare identity").digest()


def new_pair() -> tuple[str, str]:
    """The private and the public half, base64."""
    private = PrivateKey.generate()
    return b64encode(bytes(private)), b64encode(bytes(private.public_key))


def key_of(text: str) -> bytes:
    """Either half from its base64. Raises Declined."""
    try:
        key = strict_b64decode(text.strip())
    except ValueError:
        key = b""
    if len(key) != PublicKey.SIZE:
        raise Declined(
            "an identity key is the base64 of 32 bytes: wayfare workers keygen makes one"
        )
    return key


def _why(fault: ValidationError) -> str:
    if isinstance(fault, InvalidLength):
        return "it has another number of characters"
    if isinstance(fault, InvalidChecksum):
        return "its check digit does not agree: a digit is wrong, or two are swapped"
    if isinstance(fault, InvalidComponent):
        return "the day of birth or the place in it does not exist"
    return "it has characters that are not allowed there"


def _by(module: ModuleType) -> Callable[[str], str]:
    """The rule of python-stdnum, on ASCII only: other digits look the same and are not."""

    def rule(number: str) -> str:
        if not number.isascii():
            raise ValidationError
        return str(module.validate(number))

    return rule


def _uan(number: str) -> str:
    """e-Shram Universal Account Number: 12 digits (eshram.gov.in); no check digit is published."""
    compact = number.replace(" ", "").replace("-", "")
    if len(compact) != 12:
        raise InvalidLength
    if not re.fullmatch("[0-9]{12}", compact):
        raise ValidationError
    return compact


_WEIGHTS = (2, 7, 6, 5, 4, 3, 2)
_NRIC_LETTERS, _FIN_LETTERS, _M_LETTERS = "JZIHGFEDCBA", "XWUTRQPNMLK", "XWUTRQPNJLK"
_SINGAPORE = {"S": (0, _NRIC_LETTERS), "T": (4, _NRIC_LETTERS), "F": (0, _FIN_LETTERS),
              "G": (4, _FIN_LETTERS), "M": (3, _M_LETTERS)}  # fmt: skip


def _nric_fin(number: str) -> str:
    """Singapore's NRIC and FIN: S, T, F, G or M, seven digits, and a letter that follows from them.

    The weighted sum of the digits, more by 4 for T and G and by 3 for M, modulo 11 picks the letter
    (the series and their letters as the Immigration and Checkpoints Authority issues them; the rule
    is described at en.wikipedia.org/wiki/National_Registration_Identity_Card).
    """
    compact = number.replace(" ", "").replace("-", "").upper()
    if len(compact) != 9:
        raise InvalidLength
    if not re.fullmatch("[STFGM][0-9]{7}[A-Z]", compact):
        raise ValidationError
    more, letters = _SINGAPORE[compact[0]]
    digits = zip(_WEIGHTS, map(int, compact[1:8]), strict=True)
    if letters[(sum(weight * digit for weight, digit in digits) + more) % 11] != compact[8]:
        raise InvalidChecksum
    return compact


KINDS = {
    "mykad": Kind("Malaysian identity card number (MyKad)", "MYS", _by(nric)),
    "aadhaar": Kind("Aadhaar number", "IND", _by(aadhaar)),
    "uan": Kind("e-Shram UAN", "IND", _uan),
    "nik": Kind("Indonesian NIK", "IDN", _by(nik)),
    "ric": Kind("Chinese resident identity number", "CHN", _by(ric)),
    "nric": Kind("Singapore NRIC or FIN", "SGP", _nric_fin),
}
"""Each kind by the word that names it in a file or a command."""
