"""Who may do what in a node's database, as SQL: four roles, each with the least it needs.

`migrator` owns the tables and is used by `wayfare store migrate` alone. `app` is the node: it reads
and writes rows, but to what is append-only it can only add, and it can change no table. `reader`
reads, for reports. `auditor` reads the books alone, never a person, a place or a message.
"""

from collections.abc import Iterable, Mapping, Sequence

from protocol_specs.node.database.postgres.link import Link
from protocol_specs.node.database.postgres.schema import OLDEST_TABLE, VERSION_TABLE
from protocol_specs.node.database.triggers import APPEND_ONLY

KINDS = ("migrator", "app", "reader", "auditor")
_TABLES = "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"
_FUNCTIONS = (
    "SELECT p.proname AS name FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace "
    "ORDER BY 1"
)
# What a trigger refuses without a condition: bit 16 of its type is UPDATE, bit 8 DELETE.
_REFUSED = (
    "SELECT c.relname AS name, t.tgtype & 16 <> 0 AS is_update FROM pg_trigger t "
    "JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid "
    "WHERE p.proname = $1 AND c.relnamespace = current_schema()::regnamespace "
    "ORDER BY 1, 2"
)


def statements(link: Link, names: Mapping[str, str], books: Sequence[str]) -> Iterable[str]:
    """For the database's owner to run, and again after each migration; twice does no harm.

    `names` has a role for each of KINDS; `books` are the tables that an auditor reads. What is
    append-only is asked of the database itself: its own triggers say it.
    """
    schema = str(link.rows("SELECT current_schema()")[0][0])
    migrator, app, reader, auditor = (f'"{names[kind]}"' for kind in KINDS)
    everybody = ", ".join((migrator, app, reader, auditor))
    for name in (migrator, app, reader, auditor):
        yield (
            f"DO $$ BEGIN CREATE ROLE {name} LOGIN; "
            "EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        )
    yield f'REVOKE ALL ON SCHEMA "{schema}" FROM PUBLIC'
    yield f'GRANT USAGE ON SCHEMA "{schema}" TO {everybody}'
    yield f'GRANT CREATE ON SCHEMA "{schema}" TO {migrator}'
    for row in link.rows(_TABLES):
        yield f'ALTER TABLE "{row["name"]}" OWNER TO {migrator}'
    for row in link.rows(_FUNCTIONS):
        yield f'ALTER FUNCTION "{row["name"]}" OWNER TO {migrator}'
    whole = f'ALL TABLES IN SCHEMA "{schema}"'
    yield "BEGIN"  # a node that runs meanwhile is refused nothing between the two
    yield f"REVOKE ALL ON {whole} FROM PUBLIC, {app}, {reader}, {auditor}"
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {whole} TO {app}"
    for table in (VERSION_TABLE, OLDEST_TABLE):
        yield f"REVOKE INSERT, UPDATE, DELETE ON {table} FROM {app}"
    for row in link.rows(_REFUSED, (APPEND_ONLY,)):
        yield f'REVOKE {"UPDATE" if row["is_update"] else "DELETE"} ON "{row["name"]}" FROM {app}'
    yield f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA "{schema}" TO {app}'  # it draws numbers ahead
    yield f"GRANT SELECT ON {whole} TO {reader}"
    for book in books:
        yield f'GRANT SELECT ON "{book}" TO {auditor}'
    yield "COMMIT"
