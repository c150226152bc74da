"""`wayfare sign` and `wayfare verify`: one signature, with everything that goes into it shown."""

from __future__ import annotations

import argparse
import re
import sys
import time
from pathlib import Path
from typing import Any

from protocol_specs.node.settings import SettingsError, read_secret
from protocol_specs.wire import claims, keys, signing, timestamp
from protocol_specs.wire.errors import Malformed, Unauthenticated
from protocol_specs.wire.signing import KeyId, SignatureHeader


def add(subparsers: Any) -> None:
    """The two commands."""
    sign = subparsers.add_parser("sign", help="sign a file as a message, and show how")
    sign.add_argument("--key", type=Path, required=True, metavar="FILE", help="the signing key")
    sign.add_argument(
        "--key-id", default="example.org|k1", metavar="ID|KEY", help="whose key it is (%(default)s)"
    )
    sign.add_argument("--at", metavar="TIME", help="created: seconds, or RFC 3339 (now)")
    sign.add_argument("--ttl", type=int, default=30, metavar="S", help="of the message (30)")
    sign.add_argument(
        "--header-only", action="store_true", help="print nothing but the header's value"
    )
    sign.add_argument("body", type=Path, metavar="BODY", help="the bytes to send; - reads them")
    sign.set_defaults(run=run_sign)
    verify = subparsers.add_parser("verify", help="verify a signature, and say why it fails")
    verify.add_argument(
        "--public-key", required=True, metavar="KEY", help="base64, raw or SPKI; or a file of it"
    )
    verify.add_argument(
        "--header", required=True, metavar="HEADER", help="the Authorization value, or a file of it"
    )
    verify.add_argument("--at", metavar="TIME", help="seconds, or RFC 3339, to judge by (now)")
    verify.add_argument("body", type=Path, metavar="BODY", help="the bytes received; - reads them")
    verify.set_defaults(run=run_verify)


def run_sign(arguments: argparse.Namespace) -> int:
    """Print digest, signing string and header of BODY."""
    body = _body(arguments.body)
    try:
        key = keys.signing_key(read_secret(arguments.key, key="--key"))
    except ValueError as fault:
        raise SettingsError(f"{arguments.key}: {fault}") from None
    created, expires = signing.lifetime(_moment(arguments.at), arguments.ttl)
    header = signing.sign(
        body, key=key, key_id=_key_id(arguments.key_id), created=created, expires=expires
    )
    try:
        parsed = signing.parse_header(header)
    except Unauthenticated:
        raise SettingsError("--key-id: printable ASCII without blanks, quotes or |") from None
    if not arguments.header_only:
        _show(body, parsed)
        print("header:")
    print(header)
    return 0


def run_verify(arguments: argparse.Namespace) -> int:
    """Print what was signed and the verdict; 1 when it would be refused."""
    body, now = _body(arguments.body), _moment(arguments.at)
    try:
        public = keys.public_key(_public(arguments.public_key))
    except ValueError as fault:
        raise SettingsError(
            f"--public-key: {fault}{_no_file(arguments.public_key)} Give the signing_public_key "
            "that `wayfare keygen` printed, or the file of it"
        ) from None
    try:
        header = signing.parse_header(_text(arguments.header).strip())
        _show(body, header)
        print(f"created  {_said(header.created)}, {_from_us(header.created - now)}")
        print(f"expires  {_said(header.expires)}, {_from_us(header.expires - now)}")
        print(f"our time {_said(now)}")
        signing.verify_header(header, signing.digest(body), public)
        claims.check_times(header, now)
    except Unauthenticated as refused:
        print(f"refused: {refused.reason}{_no_file(arguments.header)}")
        return 1
    print(f"good: {header.key_id} signed these {len(body)} bytes")
    return 0


def _show(body: bytes, header: SignatureHeader) -> None:
    """The digest of the body as it is here, and the three lines that a signature is over."""
    digest = signing.digest(body)
    print(f"digest   BLAKE-512={digest}  (BLAKE2b, 64 bytes, of {len(body)} bytes)")
    print(f"key      {header.key_id}")
    print("signing string, between the lines, without a newline at its end:")
    print("-" * 40)
    print(signing.signing_string(header.created, header.expires, digest).decode())
    print("-" * 40)


def _body(path: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None


def _text(given: str) -> str:
    """The text itself, or what the file of that name holds."""
    path = Path(given)
    try:
        return path.read_text(encoding="ascii") if len(given) < 255 and path.is_file() else given
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{given}: no file of ASCII text") from None


def _public(given: str) -> str:
    """A public key, also out of the lines that `wayfare keygen` prints."""
    text = _text(given).strip()
    named = re.search(r'^signing_public_key\s*=\s*"([^"]*)"', text, re.MULTILINE)
    return named[1] if named else text


def _no_file(given: str) -> str:
    """Said of what looks like the name of a file and is none."""
    looks_so = len(given) < 255 and Path(given).suffix and " " not in given
    return f" There is no file {given}." if looks_so and not Path(given).is_file() else ""


def _key_id(text: str) -> KeyId:
    subscriber_id, bar, unique_key_id = text.partition("|")
    if not (bar and subscriber_id and unique_key_id):
        raise SettingsError('--key-id: write "subscriber_id|unique_key_id", in quotes')
    return KeyId(subscriber_id, unique_key_id)


def _moment(text: str | None) -> int:
    if text is None:
        return int(time.time())
    if text.isascii() and text.isdigit():
        if not 9 <= len(text.lstrip("0")) <= 11:
            raise SettingsError("--at: seconds since 1970 have 9 to 11 digits")
        return int(text)
    try:
        return timestamp.parse_ms(text) // 1000
    except Malformed as fault:
        raise SettingsError(f"--at: {fault.reason} Seconds since 1970 do as well") from None


def _from_us(seconds: int) -> str:
    return f"{abs(seconds)} s {'after' if seconds > 0 else 'before'} our time"


def _said(seconds: int) -> str:
    return f"{seconds} ({timestamp.rfc3339(seconds * 1000)})"
