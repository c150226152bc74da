"""Triggers that hold a table to its nature in the database itself, whatever code comes."""

APPEND_ONLY = "append_only"
"""The function that PostgreSQL's triggers call to refuse; `postgres.schema` makes it."""


class Trigger(str):
    """A trigger as SQLite's text; `postgresql` says the same as statements of PostgreSQL.

    `refuses` is what nobody may do to which table, so that a role can be denied it as well.
    """

    postgresql: tuple[str, ...]
    refuses: tuple[str, str] | None

    def __new__(
        cls, sqlite: str, *postgresql: str, refuses: tuple[str, str] | None = None
    ) -> "Trigger":
        """Both renderings; the names in them are the table's own, so a migration can find them."""
        made = super().__new__(cls, sqlite)
        made.postgresql, made.refuses = postgresql, refuses
        return made


def append_only(table: str, *, instead: str = "add a new row") -> tuple[Trigger, Trigger]:
    """Two triggers that refuse to change or remove a row of `table`; `instead` says what to do."""
    says = f"{table} is append-only: {instead}"
    return _refusal(table, "UPDATE", says), _refusal(table, "DELETE", says)


def kept_while(table: str, condition: str, says: str) -> Trigger:
    """Refuses to remove a row of `table` while `condition` holds, which may name OLD's columns."""
    return _refusal_while(table, "DELETE", condition, says)


def none_while(table: str, condition: str, says: str) -> Trigger:
    """Refuses a new row of `table` while `condition` holds, which may name NEW's columns."""
    return _refusal_while(table, "INSERT", condition, says)


def also(name: str, deed: str, table: str, statement: str) -> Trigger:
    """After each row of `deed` (INSERT, DELETE), `statement` too; it may name NEW's or OLD's."""
    return Trigger(
        f"CREATE TRIGGER {name} AFTER {deed} ON {table} BEGIN {statement}; END",
        _function(name, f"{statement}; RETURN NULL;"),
        f"CREATE TRIGGER {name} AFTER {deed} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
    )


def _refusal(table: str, deed: str, says: str) -> Trigger:
    name = f"{table}_no_{deed.lower()}"
    return Trigger(
        f"CREATE TRIGGER {name} BEFORE {deed} ON {table} BEGIN SELECT RAISE(ABORT, '{says}'); END",
        f"CREATE TRIGGER {name} BEFORE {deed} ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {APPEND_ONLY}('{says}')",
        refuses=(table, deed),
    )


def _refusal_while(table: str, deed: str, condition: str, says: str) -> Trigger:
    name, row = f"{table}_no_{deed.lower()}", "NEW" if deed == "INSERT" else "OLD"
    return Trigger(
        f"CREATE TRIGGER {name} BEFORE {deed} ON {table} WHEN {condition} "
        f"BEGIN SELECT RAISE(ABORT, '{says}'); END",
        _function(
            name,
            f"IF {condition} THEN RAISE EXCEPTION '{says}' "
            f"USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN {row};",
        ),
        f"CREATE TRIGGER {name} BEFORE {deed} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
    )


def _function(name: str, body: str) -> str:
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"
