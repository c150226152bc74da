"""What a node is told before it starts: a frozen, typed class per node, read from a TOML file."""

import contextlib
import difflib
import importlib.util
import os
import re
import secrets
import stat
import tomllib
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from protocol_specs.node.database.store_settings import StoreAt, StoreSettings
from protocol_specs.node.door.addresses import plain_or_network
from protocol_specs.node.nats.place import NatsPlace
from protocol_specs.node.paths import OwnPath
from protocol_specs.node.workers.workers import HANDED_BODY_BYTES_MAX
from protocol_specs.wire.parties import SubscriberType
from protocol_specs.wire.version import CORE, NAMES, NETWORKS

Role = Literal["registry", "gateway", "bpp", "bap"]
TYPE_OF_ROLE: dict[Role, SubscriberType] = {
    "registry": SubscriberType.REGISTRY,
    "gateway": SubscriberType.BG,
    "bpp": SubscriberType.BPP,
    "bap": SubscriberType.BAP,
}


OPS_PORT_OFFSET = 1000
_OPERATOR = "; the registry's operator tells it, as its wayfare keygen printed it"
TOLD_BY = {f"registry.{name}_public_key": _OPERATOR for name in ("signing", "encryption")}
"""By key: where what is missing comes from, if nobody here can know it."""


class SettingsError(Exception):
    """A settings file that a node must not start with; the text names file, key and what to do."""


def needs_packages(extra: str) -> str:
    """The end of a sentence: what to type for the packages of an extra."""
    return (
        "needs more packages; in this repository: pip install --require-hashes "
        f"--only-binary :all: -r requirements-{extra}.lock"
    )


def require_driver() -> None:
    """Raises SettingsError unless PostgreSQL can be spoken to."""
    if importlib.util.find_spec("psycopg") is None:
        raise SettingsError(f"key 'store.url': PostgreSQL {needs_packages('postgres')}")


class Frozen(BaseModel):
    """Settings never change while a node runs, and an unknown key is a mistake, not a comment."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RegistrySettings(Frozen):
    """The one registry this node trusts, with its keys pinned (base64, raw or SPKI)."""

    url: str
    subscriber_id: str
    unique_key_id: str
    signing_public_key: str
    encryption_public_key: str
    signs_answers: bool = True  # false: what it answers rests on TLS alone, and no snapshot is kept


class RotationSettings(Frozen):
    """How this node changes its keys (docs/operator.md, "Keys and rotation").

    `caches_s`: how long a new key is shown by the registry before it signs anything: longer than
    any peer remembers that it does not know a key. 90 s is enough for peers like this node.
    """

    rotate_every_days: int | None = Field(default=None, gt=0)  # None: only when told
    caches_s: int = Field(default=90, ge=0)
    key_days: int = Field(default=365, gt=0)


class Limits(Frozen):
    """Bounds of one node. Sizes in bytes, times in seconds."""

    body_bytes_max: int = Field(default=1_048_576, gt=0)
    body_bytes_max_by_action: dict[str, int] = {"on_search": 2_097_152}
    header_deadline_s: float = Field(default=10, gt=0)
    body_deadline_s: float = Field(default=30, gt=0)
    idle_deadline_s: float = Field(default=75, gt=0)
    connections_max: int = Field(default=1024, gt=0)
    connections_per_address_max: int = Field(default=512, gt=0)
    key_lookups_per_s: float = Field(default=20, gt=0)  # of unknown keys, from one address
    messages_per_peer_per_s: float = Field(default=200, gt=0)  # signed ones; twice in a burst
    keys_max: int = Field(default=10_000, gt=0)
    inbox_max: int = Field(default=100_000, gt=0)
    passing_max: int = Field(default=2_000, gt=0)
    passing_workers: int = Field(default=32, gt=0)
    passing_memory: int = Field(default=100_000, gt=0)
    record_transactions_max: int = Field(default=10_000, gt=0)
    record_bytes_max: int = Field(default=1_073_741_824, gt=0)
    inbox_age_max_s: int = Field(default=300, gt=0)
    stop_deadline_s: float = Field(default=25, gt=0)
    proxies: tuple[str, ...] = ()  # addresses or networks whose X-Forwarded-For is believed

    @field_validator("proxies")
    @classmethod
    def _addresses(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(plain_or_network(address) for address in proxies)

    @property
    def body_bytes_ceiling(self) -> int:
        """The largest body taken for anything."""
        return max(self.body_bytes_max, *self.body_bytes_max_by_action.values(), 1)

    def body_bytes_max_of(self, action: str) -> int:
        """The largest body taken for `action`."""
        return self.body_bytes_max_by_action.get(action, self.body_bytes_max)


class OpsSettings(Frozen):
    """Where /ready and /metrics answer: never on the public port. `port` 1000 above it if None."""

    host: str = "127.0.0.1"
    port: int | None = Field(default=None, ge=0, le=65535)


class OtelSettings(Frozen):
    """An OpenTelemetry collector of our own at `endpoint` (OTLP over HTTP), and the share of the
    traces which it gets: of those that begin here, and of those a sender of messages marked."""

    endpoint: str = Field(pattern=r"^https?://[^\s?#]+$")
    share: float = Field(default=1.0, ge=0, le=1)


class NodeSettings(Frozen):
    """What every node needs. A node's own class adds its own keys to these."""

    role: Role | None = None
    subscriber_id: str = Field(min_length=1, max_length=255)
    unique_key_id: str = Field(min_length=1, max_length=255)
    url: str
    host: str = "127.0.0.1"
    port: int = Field(ge=0, le=65535)
    data_dir: OwnPath
    signing_key: OwnPath
    encryption_key: OwnPath
    network: Literal["production", "development"] = "production"
    registry: RegistrySettings | None = None
    rotation: RotationSettings = RotationSettings()
    domains: tuple[str, ...] = ()
    dialects: dict[str, tuple[str, ...]] = {}  # by domain; core-1.1 where a domain is not named
    cities: tuple[str, ...] = ()
    country: str = "IND"
    record: OwnPath | None = None  # a folder for what is received and sent, people masked
    store: StoreSettings = StoreSettings()
    workers: int = Field(default=1, ge=1, le=32)  # processes of this node; more need PostgreSQL
    workers_before: int = Field(default=0, ge=0, le=1023)  # those on the machines before this one
    workers_in_all: int | None = Field(default=None, ge=1, le=1024)  # on all; None: `workers`
    nats: NatsPlace | None = None  # for hints between the processes of this node
    feed: NatsPlace | None = None  # where the registry says that something changed
    limits: Limits = Limits()
    ops: OpsSettings = OpsSettings()
    otel: OtelSettings | None = None
    security_contact: str | None = Field(default=None, pattern=r"^(mailto:|https://)[!-~]{3,200}$")
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("dialects")
    @classmethod
    def _known(cls, dialects: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for domain, names in dialects.items():
            unknown = [name for name in names if name not in NAMES]
            if unknown or not names:
                said = f"no dialect {unknown[0]!r}" if unknown else "no dialect"
                raise ValueError(f"{domain}: {said}; there are {', '.join(NAMES)}")
        return dialects

    @property
    def ops_port(self) -> int:
        """The port of `[ops]`; 0 takes any that is free, as for `port`."""
        if self.ops.port is not None:
            return self.ops.port
        return 0 if self.port == 0 else ops_port_beside(self.port)

    @property
    def workers_of(self) -> int:
        """Processes of this node on all its machines."""
        return self.workers_in_all or self.workers

    @property
    def has_siblings(self) -> bool:
        """Whether these settings ask for more than one process, here or on several machines."""
        return self.workers_of > 1 or self.workers + self.workers_before > 1

    @property
    def store_at(self) -> StoreAt:
        """Where this node's data are. Raises SettingsError when PostgreSQL's driver is missing or
        the password cannot be read."""
        given = self.store
        if given.url is not None:
            require_driver()
        password, file = None, given.password_file
        if given.url is not None and file is not None:
            password = read_secret(file, key="store.password_file", made_by="Write it there.")
        return StoreAt(self.data_dir, given.url, password, role=self.role)

    def private_file(self, name: str) -> str:
        """A secret that the node makes for itself below `data_dir`, the same on all its machines.

        Raises SettingsError naming the file where it cannot be read, or was not brought here yet.
        """
        path = self.data_dir / name
        if self.workers_before and not path.exists():
            raise SettingsError(
                f"key 'workers_before': {path} is missing: the machine whose workers_before is 0 "
                "makes it at its first start; copy it from there"
            )
        return private_file(path)

    def require_workers(self, role: str) -> None:
        """Raises SettingsError unless a node of this role and these settings can have `workers`."""
        if self.workers_before + self.workers > self.workers_of:
            raise SettingsError(
                f"key 'workers_in_all': {self.workers_of} cannot be, with {self.workers} workers "
                f"here and {self.workers_before} on the machines before this one"
            )
        if self.store.url is None:
            raise SettingsError(
                "key 'workers': SQLite has one process; more need a PostgreSQL database, named by "
                "[store] url"
            )
        if role in ("registry", "gateway") and self.workers_of > self.workers and not self.nats:
            raise SettingsError(
                f"key 'workers_in_all': the workers of a {role} ask each other, and between "
                "machines NATS carries that: name a server in [nats]"
            )
        if role == "gateway" and self.limits.body_bytes_ceiling > HANDED_BODY_BYTES_MAX:
            raise SettingsError(
                "key 'limits.body_bytes_max': the workers of a gateway hand each other messages of "
                f"{HANDED_BODY_BYTES_MAX} bytes at most: set this and body_bytes_max_by_action no "
                "higher, or set workers = 1"
            )
        if self.record is not None:
            raise SettingsError("key 'workers': a recording needs one process; leave out 'record'")
        if self.rotation.rotate_every_days is not None:
            raise SettingsError(
                "key 'workers': keys are rotated by one process; leave out rotate_every_days, and "
                "set workers = 1 while a key changes"
            )

    def unspoken(self) -> str | None:
        """What a node of orders lacks: a network's own domain, in which core 1.1 would be spoken
        because `dialects` does not name it; None: nothing. Nobody there speaks core by accident.
        """
        for domain in sorted(set(self.domains) - set(self.dialects)):
            if domain.startswith("ONDC:") and domain in NETWORKS:
                say = ", ".join(f'"{name}"' for name in NETWORKS[domain] if name != CORE)
                return f'dialects: say what is spoken in {domain}: "{domain}" = [{say}]'
        return None

    def check(self) -> None:
        """Whatever the start would refuse in other files that these settings name, beside keys.

        Raises SettingsError naming the setting.
        """


def ops_port_beside(port: int) -> int:
    """The operator's port where none is named: 1000 above the public one, or below at the end."""
    return port + OPS_PORT_OFFSET if port + OPS_PORT_OFFSET <= 65535 else port - OPS_PORT_OFFSET


class AnyNodeSettings(NodeSettings):
    """The part of a settings file that all nodes share, for commands that look at any of them; the
    rest is the node's own affair."""

    model_config = ConfigDict(frozen=True, extra="ignore")


S = TypeVar("S", bound=BaseModel)


def load(path: Path, cls: type[S], *, role: Role | None = None) -> S:
    """Read the TOML file at `path` as `cls`; settings that name another `role` are refused first,
    and those that name none are of this one.

    Raises SettingsError naming the file, the key at fault, what is wrong with it, and for an
    unknown key the nearest one that exists.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such file; give the node's settings file") from None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not a TOML file: {error}") from None
    said = values.get("role")
    if role is not None and said in get_args(Role) and said != role:
        raise SettingsError(f"{path}: {of_another_role(said, role)}")
    if role is not None:
        values.setdefault("role", role)
    try:
        return cls.model_validate(values, context={"folder": path.resolve().parent})
    except ValidationError as error:
        raise SettingsError(_explain(path, cls, error, values)) from None


def of_another_role(said: object, wanted: str) -> str:
    """What is wrong with a file of the role `said`, and what to do."""
    return f"key 'role' says {said!r}, not {wanted!r}; give the settings file of a {wanted} node"


def _explain(
    path: Path, cls: type[BaseModel], error: ValidationError, values: dict[str, Any]
) -> str:
    strays = _strays(cls, values)
    told = [
        f"{', '.join(repr(key) for key in keys)} stand in [{table}]: in TOML everything after a "
        f"[table] belongs to it. Move [{table}] below the keys that stand alone"
        for table, keys in strays.items()
    ]
    away = {(table, key) for table, keys in strays.items() for key in keys}
    told += [
        _explain_one(cls, fault)
        for fault in error.errors()
        if fault["loc"][:2] not in away
        and not (fault["type"] == "missing" and any(fault["loc"] == (key,) for _, key in away))
    ]
    return "\n".join(f"{path}: {line}" for line in told)


def _strays(cls: type[BaseModel], values: dict[str, Any]) -> dict[str, list[str]]:
    """By table, the keys in it that belong to the top level, where they are missing."""
    found: dict[str, list[str]] = {}
    for table, inner in values.items():
        if not isinstance(inner, dict) or table not in cls.model_fields:
            continue
        models = _models_in(cls.model_fields[table].annotation)
        own = set(models[0].model_fields) if models else set()
        away = [k for k in inner if k in cls.model_fields and k not in values and k not in own]
        if away:
            found[table] = away
    return found


def _explain_one(cls: type[BaseModel], fault: Any) -> str:
    location = tuple(fault["loc"])
    key = ".".join(str(part) for part in location)
    if fault["type"] == "extra_forbidden":
        known = _keys_at(cls, location[:-1])
        near = difflib.get_close_matches(str(location[-1]), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(known))}"
        return f"unknown key {key!r}; {hint}"
    if fault["type"] == "missing":
        return f"key {key!r} is missing{TOLD_BY.get(key, '')}"
    return f"key {key!r}: {_said(fault)}" if key else _said(fault)


def _said(fault: Any) -> str:
    """What is wrong, in words of the file rather than of the validator."""
    if fault["type"] == "string_type":
        return "must be text in quotes"
    if fault["type"] == "tuple_type":
        return 'must be a list, such as ["one", "another"]'
    if fault["type"] == "string_pattern_mismatch":
        pattern = fault["ctx"]["pattern"]
        such = 'a number such as "1.50"' if re.search(pattern, "1.50") else f"of the form {pattern}"
        return f"{fault['input']!r} is not {such}"
    return str(fault["msg"]).removeprefix("Value error, ")


def _keys_at(cls: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that may stand at `location`; those of the top level where that is not a table."""
    model: Any = cls
    for part in location:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        inner = _models_in(field.annotation) if field else []
        if not inner:
            break
        model = inner[0]
    return list(model.model_fields)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for part in getattr(annotation, "__args__", ()) for m in _models_in(part)]


def read_secret(path: Path, *, key: str, made_by: str | None = None) -> str:
    """The text of a secret file, stripped. `key` is the setting that names it.

    `made_by` tells, in a sentence, what makes a file that is missing; None: `wayfare keygen`.
    Raises SettingsError when the file is missing or others than its owner may read it: what was
    readable once must be taken for known.
    """
    try:
        if path.is_dir():
            raise SettingsError(f"{path} (setting {key!r}) is a folder; name the file in it")
        mode = stat.S_IMODE(os.stat(path).st_mode)
        if mode & 0o077:
            raise SettingsError(
                f"{path} (setting {key!r}) can be read by others (mode {mode:04o}). "
                f"Type: chmod 600 {path}"
            )
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        made_by = made_by or f"Make keys with: wayfare keygen --out {path.parent}"
        raise SettingsError(f"{path} (setting {key!r}) does not exist. {made_by}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} (setting {key!r}) cannot be read: {error}") from None


def private_file(path: Path) -> str:
    """The token kept in `path`, made and written with mode 0600 if the file is not there yet.

    Raises SettingsError like read_secret: a token that others can read is no token.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            write_secret(path, secrets.token_urlsafe(32))
    except OSError as error:
        raise SettingsError(f"{path} (below setting 'data_dir') cannot be made: {error}") from None
    return read_secret(path, key="data_dir")


def write_secret(path: Path, text: str) -> None:
    """A new file only its owner can read. Raises FileExistsError: a secret is never replaced."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
