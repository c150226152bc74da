"""A NATS user's credentials file: a signed statement of who that is (JWT), and the seed of its key.

As `nsc` and JetStream's cloud offers write it, with the ending .creds.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nacl.signing import SigningKey

from protocol_specs.node.settings import SettingsError, read_secret

if TYPE_CHECKING:
    from protocol_specs.node.nats.place import NatsPlace

WRITE_IT = "Write it there."

_JWT = re.compile(r"-+BEGIN NATS USER JWT-+\s+(\S+)\s+-+END NATS USER JWT-+")
_SEED = re.compile(r"-+BEGIN USER NKEY SEED-+\s+(\S+)\s+-+END USER NKEY SEED-+")
_OF_A_USER = bytes([18 << 3 | 20 >> 2, (20 << 6) & 0xFF])  # "SU" in base32: a seed, of a user


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are at a server of whom it asks no password."""

    jwt: str = field(repr=False)  # of some accounts it is all the proof they want
    _key: SigningKey = field(repr=False)

    def sign(self, nonce: str) -> bytes:
        """What proves it, in base64: the server's own random text, signed."""
        return base64.b64encode(self._key.sign(nonce.encode()).signature)


def read(text: str) -> Credentials:
    """What the file says. Raises ValueError without a word of it."""
    jwt, seed = _JWT.search(text), _SEED.search(text)
    if jwt is None or seed is None:
        raise ValueError("is no credentials file of a NATS user, with a JWT and a seed")
    return Credentials(jwt[1], SigningKey(_seed(seed[1])))


def who_at(at: NatsPlace, key: str) -> str | Credentials | None:
    """What proves at that server who we are; None: nothing is said of it. `key` names the table.
    Raises SettingsError naming key and file."""
    if at.credentials is not None:
        given = f"{key}.credentials"
        try:
            return read(read_secret(at.credentials, key=given, made_by=WRITE_IT))
        except ValueError as error:
            raise SettingsError(f"key '{given}': {at.credentials} {error}") from None
    if at.password_file is not None:
        return read_secret(at.password_file, key=f"{key}.password_file", made_by=WRITE_IT)
    return None


def _seed(text: str) -> bytes:
    """An nkey: base32 of what it is, 32 bytes, and their CRC-16 (XMODEM)."""
    try:
        raw = base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error:
        raw = b""
    said, check = raw[:-2], raw[-2:]
    if (
        len(raw) != 36
        or not said.startswith(_OF_A_USER)
        or binascii.crc_hqx(said, 0).to_bytes(2, "little") != check
    ):
        raise ValueError("holds no seed of a NATS user")
    return said[2:]
