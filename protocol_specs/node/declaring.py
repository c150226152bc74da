"""Tables declared as SQLModel classes, and nothing more than tables.

A class keeps the columns readable and typed. Its ORM mapper and its validator would cost a node a
tenth of its start, and no row is ever made of it: statements are built from `__table__`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, MetaData, Table
from sqlmodel.main import SQLModelMetaclass, get_column_from_field


class TableOnly(SQLModelMetaclass):
    """Metaclass of a base of tables: `class Tables(SQLModel, metaclass=TableOnly)`."""

    def __new__(
        cls, name: str, bases: tuple[type[Any], ...], given: dict[str, Any], **options: Any
    ) -> Any:
        """The class; with `table=True` its `__table__` is on the base's metadata."""
        is_table = options.pop("table", False)
        given["model_config"] = {"defer_build": True}
        made: Any = super().__new__(cls, name, bases, given, **options)
        if is_table:
            columns = [_column(at, field) for at, field in made.model_fields.items()]
            items, more = _arguments(given.get("__table_args__", ()))
            named = given.get("__tablename__", name.lower())
            made.__table__ = Table(named, made.metadata, *columns, *items, **more)
        return made


def copy_tables(declared: MetaData, metadata: MetaData) -> None:
    """Copies the tables to a node's own MetaData; once is enough, twice does no harm."""
    for table in declared.sorted_tables:
        if table.name not in metadata.tables:
            table.to_metadata(metadata)


def _column(name: str, field: Any) -> Column[Any]:
    column: Column[Any] = get_column_from_field(field)
    column.name = column.key = name
    return column


def _arguments(given: Any) -> tuple[list[Any], dict[str, Any]]:
    """Constraints and indexes, and options by name, as SQLAlchemy's `__table_args__` gives them."""
    if isinstance(given, dict):
        return [], given
    items = list(given)
    return (items[:-1], items[-1]) if items and isinstance(items[-1], dict) else (items, {})
