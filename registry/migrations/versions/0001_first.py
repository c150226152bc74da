"""The schema of the first release. Written by `python -m tests.house.migrations`."""

from protocol_specs.node.database.postgres.migrating import run_file

revision, down_revision = "0001", None
OLDEST = "0001"


def upgrade() -> None:
    """From nothing."""
    run_file(__file__, "up")


def downgrade() -> None:
    """To nothing: all data go."""
    run_file(__file__, "down")
