"""Triggers that hold a table to its nature in the database itself, whatever code comes."""


def append_only(table: str, *, instead: str = "add a new row") -> tuple[str, str]:
    """The two triggers that refuse to change or remove a row of `table`; `instead` says what to do.

    The names are the table's own, so that a migration can find them.
    """
    return (
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {instead}'); END",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {instead}'); END",
    )
