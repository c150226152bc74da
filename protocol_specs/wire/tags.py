"""TagGroups, the place where Beckn 1.1 lets a network say more (core 1.1.1 TagGroup, BECKN-009)."""

from collections.abc import Mapping
from typing import Any


def group(
    code: str, values: Mapping[str, str], *, display: bool = True, name: str | None = None
) -> dict[str, Any]:
    """One TagGroup in the core 1.1 shape, JSON-ready. Tag values are strings, always."""
    descriptor = {"code": code} if name is None else {"code": code, "name": name}
    listed = [{"descriptor": {"code": key}, "value": value} for key, value in values.items()]
    return {"display": display, "descriptor": descriptor, "list": listed}


def read(groups: object) -> dict[str, dict[str, str]]:
    """Values by group code and tag code; what has no code or no text value is passed over.

    Reads the older `{code, list: [{code, value}]}` as well, and numbers as their text. A group or
    tag given twice: the first one holds.
    """
    found: dict[str, dict[str, str]] = {}
    for given in groups if isinstance(groups, list) else ():
        code = _code(given)
        if code is not None and code not in found:
            found[code] = _values(given.get("list"))
    return found


def values_of(groups: object, code: str) -> dict[str, str]:
    """What `read` finds under this group code; nothing, where there is no such group."""
    for given in groups if isinstance(groups, list) else ():
        if _code(given) == code:
            return _values(given.get("list"))
    return {}


def _values(listed: object) -> dict[str, str]:
    values: dict[str, str] = {}
    for tag in listed if isinstance(listed, list) else ():
        code = _code(tag)
        value = tag.get("value") if code is not None else None
        if code is not None and type(value) in (str, int, float):
            values.setdefault(code, str(value))
    return values


def _code(given: object) -> str | None:
    if not isinstance(given, dict):
        return None
    descriptor = given.get("descriptor")
    code = descriptor.get("code") if isinstance(descriptor, dict) else given.get("code")
    return code if isinstance(code, str) else None
