"""The schema of the first release. Written by `python -m tests.house.migrations`."""

from protocol_specs.node.database.revisions import Schema

revision, down_revision = "0001", None
OLDEST = "0001"


def upgrade(schema: Schema) -> None:
    """From nothing."""
    schema.run_file(__file__, "up")


def downgrade(schema: Schema) -> None:
    """To nothing: all data go."""
    schema.run_file(__file__, "down")
