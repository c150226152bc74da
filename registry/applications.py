"""Applications to take part: reading one, judging it, and what it becomes. Pure."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from protocol_specs.wire import keys, timestamp
from protocol_specs.wire.errors import Refused, SchemaFault, Unauthenticated
from protocol_specs.wire.signing import SignatureHeader, verify_header
from registry.settings import Policy

DAY_S = 86_400
HOST_ID = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(/[A-Za-z0-9._/-]{1,120})?$"
Text = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[!-~]+$")]
Code = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9:*._-]+$")
]


class NotAllowed(Refused):
    """The application is well formed, and this network does not admit it."""

    code = "50000"
    status = 403


class Application(BaseModel):
    """What a participant asks for. Both spellings of each field are read (core 1.1.1
    registry.yaml says url and key_id, deployed networks say subscriber_url and unique_key_id).

    Keys are base64 of 32 raw bytes or of an SPKI; they are kept raw. Times are RFC 3339.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    subscriber_id: Annotated[str, StringConstraints(pattern=HOST_ID, max_length=255)]
    url: Annotated[str, StringConstraints(max_length=512)] = Field(
        validation_alias=AliasChoices("url", "subscriber_url")
    )
    type: Literal["BAP", "BPP", "BG"]
    domains: tuple[Code, ...] = Field(min_length=1, max_length=32)
    cities: tuple[Code, ...] = Field(min_length=1, max_length=200)
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    unique_key_id: Text = Field(validation_alias=AliasChoices("unique_key_id", "key_id", "ukId"))
    signing_public_key: str
    encryption_public_key: str = Field(
        validation_alias=AliasChoices("encryption_public_key", "encr_public_key")
    )
    valid_from: int
    valid_until: int
    nonce: Annotated[str, StringConstraints(min_length=8, max_length=128, pattern=r"^[!-~]+$")]


def read_application(document: Mapping[str, Any]) -> Application:
    """The application in a /subscribe body, its keys and times in our one form.

    Raises SchemaFault naming the first field at fault, with every fault in its reason.
    """
    fields = dict(document)
    _flatten(fields)
    try:
        fields["signing_public_key"] = _raw_key(fields, "signing_public_key", keys.public_key)
        spelling = "encr_public_key" if "encr_public_key" in fields else "encryption_public_key"
        encryption = _raw_key(fields, spelling, _usable_encryption_key)
        fields.pop(spelling)
        fields["encryption_public_key"] = encryption
        for name in ("valid_from", "valid_until"):
            fields[name] = _seconds(fields, name)
        return Application.model_validate(fields)
    except ValidationError as error:
        faults = [
            ("/" + "/".join(str(part) for part in fault["loc"]), fault["msg"])
            for fault in error.errors(include_url=False, include_input=False)
        ]
        reason = "; ".join(f"{path}: {message}" for path, message in faults)
        raise SchemaFault(reason, path=faults[0][0]) from None


def codes_of(location: Any) -> dict[str, str]:
    """The city and country codes of a Location object, as far as it has them."""
    places = location if isinstance(location, dict) else {}
    return {
        name: place["code"]
        for name in ("city", "country")
        if isinstance(place := places.get(name), dict) and isinstance(place.get("code"), str)
    }


def _flatten(fields: dict[str, Any]) -> None:
    if "domains" not in fields and "domain" in fields:
        fields["domains"] = [fields["domain"]]
    for name, code in codes_of(fields.get("location")).items():
        fields.setdefault(name, code)
    city = fields.get("city")
    if "cities" not in fields and isinstance(city, str):
        fields["cities"] = [part.strip() for part in city.split(",")]


def _seconds(fields: Mapping[str, Any], name: str) -> int:
    if name not in fields:
        raise SchemaFault(f"{name} is missing", path=f"/{name}")
    try:
        return timestamp.parse_ms(fields[name]) // 1000
    except Refused as refused:
        raise SchemaFault(refused.reason, path=f"/{name}") from None


def _raw_key(fields: Mapping[str, Any], name: str, read: Any) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise SchemaFault(f"{name} is missing: the base64 of the public key", path=f"/{name}")
    try:
        return keys.b64encode(read(value))
    except ValueError as error:
        raise SchemaFault(f"{name}: {error}", path=f"/{name}") from None


def _usable_encryption_key(text: str) -> bytes:
    """As keys.encryption_public_key, for a point that a challenge can be made for."""
    public = keys.encryption_public_key(text)
    keys.generate_encryption_key().shared_secret(public)
    return public


def judge(
    application: Application,
    *,
    policy: Policy,
    domains: frozenset[str],
    development: bool,
    now: int,
) -> None:
    """Raise NotAllowed, naming the field, unless this network may admit the application."""
    unknown = sorted(set(application.domains) - domains)
    if unknown:
        raise NotAllowed(
            f"this network does not trade in {', '.join(unknown)}; it does in "
            f"{', '.join(sorted(domains))}",
            path="/domains",
        )
    if "*" in application.cities and not policy.any_city:
        raise NotAllowed('name your cities: this network grants no "*"', path="/cities")
    _judge_url(application, development=development, hosts_below=policy.hosts_below)
    if application.valid_until <= now or application.valid_until <= application.valid_from:
        raise NotAllowed("the key's validity has ended or is empty", path="/valid_until")
    if application.valid_until - now > policy.key_days_max * DAY_S:
        raise NotAllowed(
            f"a key may be valid for {policy.key_days_max} days at most", path="/valid_until"
        )


def _judge_url(application: Application, *, development: bool, hosts_below: bool) -> None:
    try:
        url = urlsplit(application.url)
        host, _ = url.hostname or "", url.port
    except ValueError:
        raise NotAllowed("url is not a url", path="/url") from None
    if development and url.scheme == "http" and host in {"127.0.0.1", "::1", "localhost"}:
        return
    if url.scheme != "https" or url.username or url.query or url.fragment or not host:
        raise NotAllowed(
            "url must be https://host[/path], without user, query or fragment", path="/url"
        )
    named = application.subscriber_id.split("/")[0]
    if host != named and not (hosts_below and host.endswith("." + named)):
        where = f"at {named} or below it" if hosts_below else f"at {named}"
        raise NotAllowed(f"url must be {where}, not at {host}", path="/url")


def authenticate(
    application: Application,
    header: SignatureHeader,
    digest: str,
    current: Mapping[str, str],
) -> None:
    """Raise unless the application is signed by who may speak for this subscriber.

    `current` are the subscriber's proven and valid keys, id -> base64. With none, the key the
    application brings must have signed it (it proves itself, the challenge proves the endpoint).
    With some, one of them must have: nobody takes over an id by asking for it.
    """
    if header.key_id.subscriber_id != application.subscriber_id:
        raise Unauthenticated(
            f"signed by {header.key_id.subscriber_id}, asked for {application.subscriber_id}",
            path="/subscriber_id",
        )
    brought = {application.unique_key_id: application.signing_public_key}
    public = (current or brought).get(header.key_id.unique_key_id)
    if public is None:
        raise Unauthenticated(
            f"{application.subscriber_id} takes part already: sign with one of its current keys "
            f"({', '.join(sorted(current))}), or ask the operator"
            if current
            else "sign with the key the application brings: keyId and unique_key_id differ",
            path="/unique_key_id",
        )
    verify_header(header, digest, keys.strict_b64decode(public))
    if current and current.get(application.unique_key_id) != application.signing_public_key:
        raise NotAllowed(
            "a key is not exchanged by subscribing again: keep the current key, "
            "or ask the operator to retire it first",
            path="/signing_public_key",
        )
