"""An application to take part: what it holds, and who may speak for its subscriber. Pure."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from protocol_specs.wire import keys
from protocol_specs.wire.errors import Unauthenticated
from protocol_specs.wire.signing import SignatureHeader, verify_header

Kind = Literal["join", "key"]


class Role(BaseModel):
    """One record that is asked for: as what, in which domain, at which url, for which cities."""

    model_config = ConfigDict(frozen=True)

    type: Literal["BAP", "BPP", "BG"]
    domain: str
    url: str  # without a slash at the end
    cities: tuple[str, ...]


class Application(BaseModel):
    """What a participant asks for, read and judged (reading.py). Keys are base64 of 32 raw bytes,
    times seconds UTC."""

    model_config = ConfigDict(frozen=True)

    subscriber_id: str
    roles: tuple[Role, ...]
    country: str
    unique_key_id: str
    signing_public_key: str
    encryption_public_key: str
    valid_from: int
    valid_until: int
    nonce: str

    @property
    def types(self) -> frozenset[str]:
        """As what it wants to take part."""
        return frozenset(role.type for role in self.roles)

    @property
    def urls(self) -> tuple[str, ...]:
        """Every url once, in order: each must answer a challenge."""
        return tuple(dict.fromkeys(role.url for role in self.roles))


def read_document(document: bytes) -> Application:
    """An application back from its row."""
    return Application.model_validate_json(document)


def authenticate(
    application: Application,
    header: SignatureHeader,
    digest: str,
    current: Mapping[str, str],
) -> Kind:
    """Raise unless the application is signed by who may speak for this subscriber; what it is.

    `current` are the subscriber's proven and valid keys, id -> base64. With none, the key the
    application brings must have signed it (it proves itself, the challenge proves the endpoint).
    With some, one of them must have: nobody takes over an id by asking for it. A key that is not
    yet among them is then one more ("key"), for which the current one vouches.
    """
    check_signer(application.subscriber_id, header)
    brought = {application.unique_key_id: application.signing_public_key}
    public = (current or brought).get(header.key_id.unique_key_id)
    if public is None:
        raise Unauthenticated(
            f"{application.subscriber_id} takes part already: sign with one of its current keys "
            f"({', '.join(sorted(current))}), or ask the operator"
            if current
            else "sign with the key the application brings: keyId and unique_key_id differ",
            path="/key_id",
        )
    verify_header(header, digest, keys.strict_b64decode(public))
    return "key" if current and application.unique_key_id not in current else "join"


def check_signer(subscriber_id: str, header: SignatureHeader) -> None:
    """Raise unless the signature is in the name of that subscriber."""
    if header.key_id.subscriber_id != subscriber_id:
        raise Unauthenticated(
            f"signed by {header.key_id.subscriber_id}, asked for {subscriber_id}",
            path="/subscriber_id",
        )
