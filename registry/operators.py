"""Who may operate: tokens in files of data_dir, one for each person, and the page's sessions.

`operator.token` is made at the first start; `operators/NAME.token` lets NAME in under that name, so
that the log says who it was. A token is good while its file is there.
"""

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from protocol_specs.node.settings import SettingsError, private_file, read_secret

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
SESSION_S = 8 * 3600
SESSIONS_MAX = 100


def token_file(data_dir: Path, name: str) -> Path:
    """Where that person's token is. Raises SettingsError for a name that cannot be one."""
    if name == "operator":
        return data_dir / "operator.token"
    if not NAME.fullmatch(name):
        raise SettingsError(f"{name!r}: a name is small letters, digits and -, a letter first")
    return data_dir / "operators" / f"{name}.token"


@dataclass(frozen=True)
class Seat:
    """An open page: whose it is, the token it was opened with (hashed), what its forms carry."""

    who: str
    token_hash: bytes
    form_token: str
    until: int


class Operators:
    """Knows people by their tokens, and open pages by their cookies."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        private_file(data_dir / "operator.token")
        self._seats: OrderedDict[bytes, Seat] = OrderedDict()

    def name_of(self, token: str) -> str | None:
        """Whose token it is; None if nobody's. Every file is compared, in constant time."""
        found = None
        for name, known in self._tokens():
            if hmac.compare_digest(_hash(token), _hash(known)):
                found = name
        return found

    def _tokens(self) -> list[tuple[str, str]]:
        files = [("operator", self._data_dir / "operator.token")]
        for path in sorted((self._data_dir / "operators").glob("*.token")):
            files.append((path.stem, path))
        tokens = []
        for name, path in files:
            try:
                tokens.append((name, read_secret(path, key="data_dir")))
            except SettingsError:  # gone meanwhile, or readable by others: no token
                continue
        return tokens

    def open(self, token: str, now: int) -> str | None:
        """The cookie of a new page for whoever has this token; None for nobody."""
        who = self.name_of(token)
        if who is None:
            return None
        cookie = secrets.token_urlsafe(32)
        seat = Seat(who, _hash(token), secrets.token_urlsafe(32), now + SESSION_S)
        self._seats[_hash(cookie)] = seat
        while len(self._seats) > SESSIONS_MAX:
            self._seats.popitem(last=False)
        return cookie

    def seat(self, cookie: str | None, now: int) -> Seat | None:
        """The open page of a cookie; None when it is over or its token is no longer good."""
        seat = self._seats.get(_hash(cookie)) if cookie else None
        if seat is None or seat.until <= now:
            return None
        good = any(hmac.compare_digest(seat.token_hash, _hash(t)) for _, t in self._tokens())
        return seat if good else None

    def close(self, cookie: str | None) -> None:
        """End a page."""
        if cookie:
            self._seats.pop(_hash(cookie), None)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()
