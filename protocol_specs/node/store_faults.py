"""What can go wrong with a node's database, in words that name no driver."""


class Conflict(Exception):
    """A unique, check or foreign key constraint, or a trigger, refused the row; says which."""


class StoreUnavailable(Exception):
    """The database could not keep the unit (disk full, I/O error, closed): nothing was written."""


class StoreUnusable(Exception):
    """The data folder cannot be used as it is; the message names the folder and what to do."""
