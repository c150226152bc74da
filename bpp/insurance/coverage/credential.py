"""An institution's signed answer that somebody is covered, and its word that answers are revoked.

W3C Verifiable Credentials 2.0 with a proof of cryptosuite eddsa-jcs-2022. Nothing is fetched: the
institution's key is an argument. The shapes are exact, so that no earnings and no employer can
stand in one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bpp.declined import Declined
from bpp.insurance.agents import signed
from protocol_specs.node.asked import SHORT_ID
from protocol_specs.wire import data_integrity, keys
from protocol_specs.wire.canonical import canonical
from protocol_specs.wire.data_integrity import BadProof

CONTEXT = "https://www.w3.org/ns/credentials/v2"
KIND, REVOCATION = "SocialInsuranceCoverage", "SocialInsuranceCoverageRevocation"
_FORM = "%Y-%m-%dT%H:%M:%SZ"


def _instant(text: str) -> str:
    if len(text) != 20 or not text.isascii():
        raise ValueError("write a time such as 2026-08-03T10:00:00Z")
    datetime.strptime(text, _FORM).replace(tzinfo=UTC)
    return text


Instant = Annotated[str, AfterValidator(_instant)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9+.-]*:[!-~]{1,180}$")]  # a URI


class _Exactly(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Issuer(_Exactly):
    """`id` is the did:key of the institution's key."""

    id: str
    name: str = Field(min_length=1, max_length=200)


class Subject(_Exactly):
    """Whom it is about, by the institution's own number, under which scheme and plan."""

    member: str = Field(min_length=1, max_length=64)
    scheme: str = Field(pattern=SHORT_ID)
    plan: str | None = Field(default=None, min_length=1, max_length=64)


class Revoked(_Exactly):
    """The ids of answers that hold no longer."""

    scheme: str = Field(pattern=SHORT_ID)
    revoked: list[Id] = Field(min_length=1, max_length=1000)


class _Credential(_Exactly):
    context: list[Any] = Field(alias="@context", min_length=1, max_length=4)
    id: Id
    issuer: Issuer
    valid_from: Instant = Field(alias="validFrom")
    proof: dict[str, Any]


class Answer(_Credential):
    """`validFrom` is when the institution had the money, `validUntil` the first instant without."""

    type: tuple[Literal["VerifiableCredential"], Literal["SocialInsuranceCoverage"]] = Field(
        strict=False
    )
    valid_until: Instant = Field(alias="validUntil")
    subject: Subject = Field(alias="credentialSubject")


class Revocation(_Credential):
    """Answers taken back, from `validFrom` on."""

    type: tuple[Literal["VerifiableCredential"], Literal["SocialInsuranceCoverageRevocation"]] = (
        Field(strict=False)
    )
    subject: Revoked = Field(alias="credentialSubject")


@dataclass(frozen=True, slots=True)
class Cover:
    """A verified answer. Times are seconds UTC; it holds from the one up to the other."""

    id: str
    issuer: str
    scheme: str
    member: str
    plan: str | None
    valid_from: int
    valid_until: int


C = TypeVar("C", Answer, Revocation)


def answer(document: Any, key: str | None) -> Cover:
    """What a credential says, once `key` (the institution's, base64) is known to have signed it.
    Raises Declined naming what is wrong.
    """
    found = _verified(document, Answer, key)
    begins, ends = seconds(found.valid_from), seconds(found.valid_until)
    if begins >= ends:
        raise Declined(f"{found.id}: it ends before it begins")
    about = found.subject
    return Cover(found.id, found.issuer.name, about.scheme, about.member, about.plan, begins, ends)


def revocation(document: Any, key: str | None) -> Revocation:
    """The same of a revocation."""
    return _verified(document, Revocation, key)


def scheme_named(document: Any) -> str:
    """Of which scheme a credential says to be: whose key is to be looked up. "" where of none."""
    subject = document.get("credentialSubject") if isinstance(document, dict) else None
    return str(subject.get("scheme", "")) if isinstance(subject, dict) else ""


def is_revocation(document: Any) -> bool:
    """Whether it says to be one."""
    types = document.get("type") if isinstance(document, dict) else None
    return isinstance(types, list) and REVOCATION in types


def seconds(instant: str) -> int:
    """Of an instant that was checked."""
    return int(datetime.strptime(instant, _FORM).replace(tzinfo=UTC).timestamp())


def _verified(document: Any, model: type[C], key: str | None) -> C:
    found = signed.parsed(document, model, "no signed answer")
    if key is None:
        raise Declined(
            f"the key of the institution of {found.subject.scheme} is not in the settings: "
            "insurance.institution_keys"
        )
    public = keys.public_key(key)
    if found.context[0] != CONTEXT:
        raise Declined(f"no signed answer: /@context: it begins with {CONTEXT}")
    if found.issuer.id != data_integrity.did_key(public):
        raise Declined(f"{found.id}: its issuer is not the institution's key in the settings")
    if found.proof.get("verificationMethod") != data_integrity.did_key_method(public):
        raise Declined(f"{found.id}: another key than the institution's is said to have signed it")
    try:
        data_integrity.verify(document, public)
    except BadProof as fault:
        raise Declined(f"{found.id}: {fault}; it was changed, or another key signed it") from None
    return found


def bytes_of(document: Any) -> bytes:
    """Its RFC 8785 bytes: the proof that a worker shows."""
    return canonical(document)
