"""The revisions of a node's schema: one file each in the node's `migrations/versions`.

Rule for whoever writes one: the code before must work on the schema after it, so that the processes
of a node can be replaced one by one. New tables, new columns that may be null or have a default and
new indexes do that; what takes away comes a release later, when no code needs it. `OLDEST` in the
file is the oldest revision whose code works on it.
"""

from importlib import resources
from pathlib import Path

from sqlalchemy import MetaData

from protocol_specs.node.store_faults import StoreUnusable

INFO = "migrations"
"""The key of `metadata.info` that names the package."""


def folder_of(package: str) -> Path:
    """Where the files of that package lie."""
    return Path(str(resources.files(package)))


def known(metadata: MetaData) -> list[str]:
    """The revisions that this version of the node knows, oldest first. Raises StoreUnusable."""
    package = metadata.info.get(INFO)
    if package is None:
        raise StoreUnusable("this node has no migrations: it cannot use PostgreSQL")
    return [path.name[:4] for path in sorted((folder_of(package) / "versions").glob("0*.py"))]
