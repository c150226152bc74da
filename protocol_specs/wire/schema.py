"""Schemas: is this document what its action asks for, and if not, where and why."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

from protocol_specs.wire.errors import NotServed, SchemaFault
from protocol_specs.wire.schema_documents import (
    CORE,
    Documents,
    Profile,
    Schema,
    documents,
    read_document,
    schemas_of,
)

CONTRIBUTION_CODE = "@wayfare/contribution"
"""Code of the tag groups that say what was set aside; see schemas/contribution-tags.json."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of several, for reports: where it was found, which keyword found it, and why."""

    at: str
    keyword: str
    reason: str


class Schemas:
    """The schemas of one profile, compiled. `load` gives them; they never change."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self._schemas = schemas
        self._validators = {name: _compiled(schema) for name, schema in schemas.items()}
        self._contribution = read_document("contribution-tags.json")
        self._contribution_validator = _compiled(self._contribution)

    @staticmethod
    def load(profile: Profile, dialect: str = CORE) -> "Schemas":
        """The schemas of a dialect: strict for what we send, receive for what peers send us.

        Dialects whose documents are the same share them. Raises KeyError for an unknown dialect.
        """
        return _load(documents(profile, dialect))

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions and callbacks that have a schema."""
        return tuple(self._schemas)

    def validate(self, action: str, document: Mapping[str, Any]) -> None:
        """Returns if `document` is a good message of `action`; else raises SchemaFault.

        With several faults the first one found is told. Raises NotServed for an unknown action.
        """
        validator = self._validators.get(action)
        if validator is None:
            raise NotServed(f"there is no action {action[:64]!r}", path="/context/action")
        _check(self._schemas[action], validator, document)

    def faults(self, action: str, document: Mapping[str, Any]) -> tuple[Fault, ...]:
        """All faults of `document`. For reports: on a large bad document this takes seconds."""
        from protocol_specs.wire.schema_words import explain, json_pointer

        schema = self._schemas[action]
        return tuple(
            Fault(
                at=json_pointer(error.instance_path),
                keyword=str(error.schema_path[-1]),
                reason=explain(schema, document, error)[1],
            )
            for error in self._validators[action].iter_errors(document)
        )

    def check_contribution_tags(self, groups: Sequence[Mapping[str, Any]]) -> None:
        """Raises SchemaFault if a contribution among the tag groups is not as documented.

        Groups of other codes are nobody's business here. The path begins at the list: `/0/list`.
        """
        for n, group in enumerate(groups):
            if group.get("descriptor", {}).get("code") == CONTRIBUTION_CODE:
                _check(self._contribution, self._contribution_validator, group, prefix=f"/{n}")


@functools.cache
def _load(made_of: Documents) -> Schemas:
    return Schemas(schemas_of(made_of))


def _compiled(schema: Schema) -> jsonschema_rs.Draft202012Validator:
    """Formats asserted, patterns in linear time, and nothing fetched: all references are local."""
    return jsonschema_rs.Draft202012Validator(
        schema, validate_formats=True, pattern_options=jsonschema_rs.RegexOptions()
    )


def _check(
    schema: Schema,
    validator: jsonschema_rs.Draft202012Validator,
    document: Mapping[str, Any],
    *,
    prefix: str = "",
) -> None:
    try:
        validator.validate(document)
    except jsonschema_rs.ValidationError as error:
        from protocol_specs.wire.schema_words import explain  # with all it needs, 30 ms

        path, reason = explain(schema, document, error)
        raise SchemaFault(prefix + reason, path=prefix + path) from None
