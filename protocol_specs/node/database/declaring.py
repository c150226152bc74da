"""Tables declared as SQLModel classes, and nothing more than tables.

A class keeps the columns readable and typed. Its ORM mapper and its validator would cost a node a
tenth of its start, and no row is ever made of it: statements are built from `__table__`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, MetaData, Table
from sqlmodel import Field
from sqlmodel.main import FieldInfo, SQLModelMetaclass, get_column_from_field


class TableOnly(SQLModelMetaclass):
    """Metaclass of a base of tables: `class Tables(SQLModel, metaclass=TableOnly)`."""

    def __new__(
        cls, name: str, bases: tuple[type[Any], ...], given: dict[str, Any], **options: Any
    ) -> Any:
        """The class; with `table=True` its `__table__` is on the base's metadata."""
        if not options.pop("table", False):
            return super().__new__(cls, name, bases, given, **options)
        made: Any = type.__new__(cls, name, bases, given)
        items, more = _arguments(given.get("__table_args__", ()))
        named = given.get("__tablename__", name.lower())
        made.__table__ = Table(named, made.metadata, *_columns(made), *items, **more)
        return made


def copy_tables(declared: MetaData, metadata: MetaData) -> None:
    """Copies the tables to a node's own MetaData; once is enough, twice does no harm."""
    for table in declared.sorted_tables:
        if table.name not in metadata.tables:
            table.to_metadata(metadata)


def _columns(made: type[Any]) -> Iterator[Column[Any]]:
    """A column for each attribute that has a type, in their order."""
    types: dict[str, Any] = inspect.get_annotations(made, eval_str=True)
    for name, type_ in types.items():
        if name == "__table__":
            continue
        given = vars(made).get(name, ...)
        field: Any = given if isinstance(given, FieldInfo) else Field(default=given)
        field.annotation = type_
        column: Column[Any] = get_column_from_field(field)
        column.name = column.key = name
        yield column


def _arguments(given: Any) -> tuple[list[Any], dict[str, Any]]:
    """Constraints and indexes, and options by name, as SQLAlchemy's `__table_args__` gives them."""
    if isinstance(given, dict):
        return [], given
    items = list(given)
    return (items[:-1], items[-1]) if items and isinstance(items[-1], dict) else (items, {})
