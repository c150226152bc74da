"""What can go wrong with a node's database, in words that name no driver."""


class Conflict(Exception):
    """A unique, check or foreign key constraint, or a trigger, refused the row; says which."""


class StoreUnavailable(Exception):
    """The database could not keep the unit (disk full, I/O error, closed): nothing was written."""


class StoreContended(StoreUnavailable):
    """Another transaction was in the way, or the connection is gone, and this one ended: run again,
    it may well go through."""


class StoreUnusable(Exception):
    """The data folder cannot be used as it is; the message names the folder and what to do."""


class StoreInUse(StoreUnusable):
    """A running process (`holder` is its id, in words) has the folder."""

    def __init__(self, data_dir: object, holder: str) -> None:
        super().__init__(
            f"{data_dir} is in use by process {holder}: stop it, or give this node another data_dir"
        )
        self.holder = holder
