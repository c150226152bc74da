"""What must be right before a node starts: its keys, its urls, its registry, its port."""

import errno
import socket
from pathlib import Path

from yarl import URL

from protocol_specs.node.client.urls import UrlRefused, check_url
from protocol_specs.node.nats.credentials import who_at
from protocol_specs.node.settings import NodeSettings, SettingsError, read_secret
from protocol_specs.node.trust import rotation
from protocol_specs.node.trust.pinned_registry import pinned
from protocol_specs.node.trust.rotation import KeyFiles
from protocol_specs.node.trust.subscription import OwnKeys
from protocol_specs.wire import keys


def load_keys(settings: NodeSettings) -> OwnKeys:
    """The private keys that the settings name. Raises SettingsError naming setting and file."""
    return load_pair(rotation.of_settings(settings).current)


def load_pair(files: KeyFiles) -> OwnKeys:
    """Two private keys. Raises SettingsError naming the setting that such a file is for."""
    try:
        signing = keys.signing_key(read_secret(Path(files.signing_key), key="signing_key"))
    except ValueError as error:
        raise SettingsError(f"{files.signing_key} (setting 'signing_key'): {error}") from None
    try:
        secret = read_secret(Path(files.encryption_key), key="encryption_key")
        return OwnKeys(signing, keys.encryption_key(secret))
    except ValueError as error:
        raise SettingsError(f"{files.encryption_key} (setting 'encryption_key'): {error}") from None


def check_settings(settings: NodeSettings) -> None:
    """Everything that can be known before starting. Raises SettingsError naming the key."""
    load_pair(rotation.load(settings).current)
    _ = settings.store_at  # raises where its driver or password is missing
    _check_url("url", settings.url, settings)
    if settings.registry is not None:
        _check_url("registry.url", settings.registry.url, settings)
        try:
            pinned(settings.registry)
        except ValueError as error:
            raise SettingsError(
                f"key 'registry': {error}. Its operator tells its two public keys, as the "
                "registry's wayfare keygen printed them"
            ) from None
    for key, place in (("nats", settings.nats), ("feed", settings.feed)):
        if place is None:
            continue
        if not (place.has_tls or place.is_here or settings.network == "development"):
            raise SettingsError(
                f"key '{key}.url': beyond this machine only tls:// is spoken; begin it with tls://"
            )
        who_at(place, key)
    pins = settings.registry
    if settings.feed is not None and pins is not None and not pins.signs_answers:
        raise SettingsError(
            "key 'feed': it is of no use with a registry that signs no answers; leave it out"
        )


def _check_url(key: str, url: str, settings: NodeSettings) -> None:
    try:
        check_url(url, settings.network)
    except UrlRefused as refused:
        raise SettingsError(f"key {key!r}: {url}: {refused}") from None


def bind(settings: NodeSettings) -> socket.socket:
    """The listening socket of `host` and `port`. Raises SettingsError when it cannot be had."""
    return _bind(settings.host, settings.port, table="", hint=" (and change 'url' with it)")


def bind_ops(settings: NodeSettings) -> socket.socket:
    """The listening socket of `[ops]`. Raises SettingsError when it cannot be had."""
    return _bind(settings.ops.host, settings.ops_port, table="ops.", hint=" in [ops]")


def _bind(host: str, port: int, *, table: str, hint: str) -> socket.socket:
    place = f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        raise SettingsError(f"key '{table}host': {host}: {error.strerror}") from None
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"key '{table}port': {place} is in use by another program; stop that one or choose "
                f"another port{hint}"
            ) from None
        raise SettingsError(
            f"key '{table}port': {place} cannot be used: {error.strerror}"
        ) from None
    return sock


def base_path(url: str) -> str:
    """The path part of our public url, without a slash at the end: "" or "/beckn/v1"."""
    return URL(url).path.rstrip("/")
