"""Who may operate a node: tokens in files of data_dir, one for each person.

`operator.token` is made at the first start; `operators/NAME.token` lets NAME in under that name, so
that a log can say who it was. A token is good while its file is there, with this content.
"""

import hashlib
import hmac
import re
from pathlib import Path

from protocol_specs.node.settings import SettingsError, private_file, read_secret

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


def token_file(data_dir: Path, name: str) -> Path:
    """Where that person's token is. Raises SettingsError for a name that cannot be one."""
    if name == "operator":
        return data_dir / "operator.token"
    if not NAME.fullmatch(name):
        raise SettingsError(f"{name!r}: a name is small letters, digits and -, a letter first")
    return data_dir / "operators" / f"{name}.token"


class Operators:
    """Knows people by their tokens, and what was opened with a token by its mark."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        private_file(data_dir / "operator.token")

    def name_of(self, token: str) -> str | None:
        """Whose token it is; None if nobody's. Every file is compared, in constant time."""
        found = None
        for name, path in self._files():
            known = _read(path)
            if known is not None and hmac.compare_digest(_hash(token), _hash(known)):
                found = name
        return found

    def mark_of(self, token: str) -> str | None:
        """What a sign-in with this token holds: name and hash, so that it ends with the token."""
        name = self.name_of(token)
        return None if name is None else _mark(name, token)

    def holder(self, mark: str) -> str | None:
        """Whose sign-in a mark is; None once the token it was made with is no longer good."""
        name = mark.partition(" ")[0]
        try:
            known = _read(token_file(self._data_dir, name))
        except SettingsError:
            return None
        return name if known is not None and hmac.compare_digest(mark, _mark(name, known)) else None

    def _files(self) -> list[tuple[str, Path]]:
        others = sorted((self._data_dir / "operators").glob("*.token"))
        return [
            ("operator", self._data_dir / "operator.token"),
            *((path.stem, path) for path in others),
        ]


def _read(path: Path) -> str | None:
    try:
        return read_secret(path, key="data_dir")
    except SettingsError:  # gone meanwhile, or readable by others: no token
        return None


def _mark(name: str, token: str) -> str:
    return f"{name} {_hash(token).hex()[:32]}"


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()
