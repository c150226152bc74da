"""The only place that knows how a network speaks of orders: dialects, each with the same functions.

A message's dialect is decided by its domain, its version and the shape of its context, never by
the major version number alone (a ride message that says "2.1.0" is core-1.1-shaped).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from protocol_specs.wire.context import is_flat_context
from protocol_specs.wire.errors import NotServed
from protocol_specs.wire.version import core_1_1
from protocol_specs.wire.version.dialect import Dialect, Message, Needs, Traits
from protocol_specs.wire.version.log10 import LOG, LOG10
from protocol_specs.wire.version.trv10 import TRV10_2_0_1, TRV10_2_1_0

__all__ = [
    "CORE",
    "NAMES",
    "NETWORKS",
    "Dialect",
    "Dialects",
    "Message",
    "Needs",
    "Traits",
    "named",
]

CORE = "core-1.1"

_SPOKEN: tuple[Dialect, ...] = (core_1_1, TRV10_2_1_0, TRV10_2_0_1, LOG10, LOG)
_DIALECTS: Mapping[str, Dialect] = {dialect.traits.name: dialect for dialect in _SPOKEN}
NAMES = tuple(_DIALECTS)
"""The dialects that can be spoken; a node's settings pick from them."""

NETWORKS = {
    "ONDC:TRV10": ("trv10-2.1.0", "trv10-2.0.1", CORE),
    "ONDC:LOG10": ("log10-1.2.5", CORE),
    "nic2004:60232": ("log-1.2.0", CORE),
}
"""The domains whose networks speak otherwise than core 1.1, and what is spoken there."""


def named(name: str) -> Dialect:
    """The dialect of that name; raises KeyError for a name that is not in NAMES."""
    return _DIALECTS[name]


class Dialects:
    """The dialects of one node, by domain. A domain that is not named speaks core 1.1."""

    def __init__(self, by_domain: Mapping[str, Sequence[str]]) -> None:
        self._by_domain = {
            domain: tuple(named(name) for name in names) for domain, names in by_domain.items()
        }
        self._core = (named(CORE),)

    @staticmethod
    def every() -> Dialects:
        """All dialects, each in the domains of its network: for judging what others recorded."""
        return Dialects(NETWORKS)

    def spoken_in(self, domain: str) -> tuple[Dialect, ...]:
        """The dialects spoken in a domain, the preferred one first."""
        return self._by_domain.get(domain, self._core)

    def of(self, document: Mapping[str, Any]) -> Dialect:
        """The dialect of a message. Raises NotServed for one that is not spoken in its domain.

        A message without a usable context is read as the domain's first dialect, whose schema
        will say what is wrong with it.
        """
        given = document.get("context")
        context = given if type(given) is dict else {}
        domain = context.get("domain")
        spoken = self.spoken_in(domain if type(domain) is str else "")
        is_flat = is_flat_context(context)
        version = context.get("core_version" if is_flat else "version")
        shaped = [dialect for dialect in spoken if dialect.traits.is_flat == is_flat]
        for dialect in shaped:
            if version in dialect.traits.versions:
                return dialect
        for dialect in shaped:
            if dialect.traits.name == CORE:  # networks write their own numbers over core 1.1
                return dialect
        if type(version) is not str:
            return spoken[0]
        raise NotServed(_not_spoken(spoken, version), path=_path(is_flat))


def _not_spoken(spoken: Sequence[Dialect], version: str) -> str:
    ours = ", ".join(
        f"{'core_version' if one.traits.is_flat else 'version'} {one.traits.versions[0]}"
        for one in spoken
    )
    return f"version {version[:20]!r} is not spoken in this domain here; send {ours}"


def _path(is_flat: bool) -> str:
    return "/context/core_version" if is_flat else "/context/version"
