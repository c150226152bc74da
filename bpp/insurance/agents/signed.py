"""Files that parties sign: one JSON object, and Ed25519 signatures over its RFC 8785 bytes."""

import os
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bpp.declined import Declined
from bpp.insurance.settings import PublicKey
from protocol_specs.node.asked import SHORT_ID, said
from protocol_specs.node.settings import read_secret
from protocol_specs.wire import keys, strict_json
from protocol_specs.wire.canonical import canonical
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.keys import InvalidKey, SigningKey, signing_key

BYTES_MAX = 16 * 1024 * 1024
DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


class Signed(BaseModel):
    """Base of what such files hold: nothing more than is named, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Party(Signed):
    """One who signs: its id (a subscriber_id, or another name without blanks), and its key."""

    id: str = Field(pattern=SHORT_ID)
    name: str = Field(min_length=1, max_length=200)
    key: PublicKey


S = TypeVar("S", bound=BaseModel)


def read(path: Path) -> Any:
    """The JSON value of a file. Raises Declined, naming it."""
    try:
        with path.open("rb") as file:
            raw = file.read(BYTES_MAX + 1)
        if len(raw) > BYTES_MAX:
            raise Declined(f"{path}: larger than {BYTES_MAX // 1024 // 1024} MB")
        return strict_json.parse(raw)
    except OSError as error:
        raise Declined(f"{path}: {error.strerror}") from None
    except Malformed as fault:
        raise Declined(f"{path}: no JSON: {fault.reason}") from None


def write(path: Path, document: Any) -> None:
    """Readable JSON, for its owner alone; never over a file that is there. Raises Declined."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(strict_json.dumps(document) + b"\n")
    except FileExistsError:
        raise Declined(f"{path} exists and is kept; name another file") from None
    except OSError as error:
        raise Declined(f"{path}: {error.strerror}") from None


def parsed(value: Any, model: type[S], what: str) -> S:
    """`value` judged by its model. Raises Declined with the first fault's place."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        fault = error.errors()[0]
        place = "".join(f"/{part}" for part in fault["loc"]) or "/"
        raise Declined(f"{what}: {place}: {said(fault)}") from None


def bytes_of(document: BaseModel) -> bytes:
    """What is signed: the document's RFC 8785 JSON."""
    return canonical(document.model_dump(mode="json"))


def require(signature: str | None, document: bytes, key: str, who: str) -> bytes:
    """The signature's bytes. Raises Declined: there is none, or it is not this key's over this."""
    if signature is None:
        raise Declined(f"it is not signed by {who}; sign it first")
    try:
        raw = keys.strict_b64decode(signature)
        keys.verify(keys.public_key(key), document, raw)
    except ValueError:
        raise Declined(
            f"the signature of {who} does not hold: the file was changed, or another key signed it"
        ) from None
    return raw


def key_in(path: Path) -> SigningKey:
    """The signing key in a file of its own. Raises Declined, SettingsError."""
    try:
        return signing_key(read_secret(path, key="--key"))
    except InvalidKey as error:
        raise Declined(f"{path}: {error}") from None
