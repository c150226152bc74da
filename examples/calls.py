"""JSON calls over HTTP to the nodes' own APIs, with a deadline, and whole answers."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

DEADLINE_S = 30.0


class CallFailed(Exception):
    """A node did not answer as the demonstration needs; the text names call, status and reason.

    `status` is None when no answer came at all.
    """

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody at a node's API, with the token that proves who it is, if there is one."""

    url: str
    token: str | None = None

    def get(self, path: str, **query: Any) -> Any:
        """The answer to a GET. Raises CallFailed for anything but 2xx."""
        return self._call("GET", _with(path, query), None)

    def post(self, path: str, body: dict[str, Any] | None = None, **query: Any) -> Any:
        """The answer to a POST of `body`. Raises CallFailed for anything but 2xx."""
        return self._call("POST", _with(path, query), {} if body is None else body)

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        status, answer = self.ask(method, path, body)
        if not 200 <= status < 300:
            said = answer.get("error", answer) if isinstance(answer, dict) else answer
            raise CallFailed(f"{method} {self.url}{path} answered {status}: {said}", status)
        return answer

    def ask(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, Any]:
        """(status, answer); the answer is JSON read, or text. Raises CallFailed when none comes."""
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(
            place.hostname or "", place.port, timeout=DEADLINE_S
        )
        headers = {"Content-Type": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, _read(response)
        except (OSError, http.client.HTTPException) as error:
            raise CallFailed(f"{method} {self.url}{path}: no answer ({error})") from None
        finally:
            connection.close()


def _read(response: http.client.HTTPResponse) -> Any:
    text = response.read().decode()
    is_json = "json" in (response.getheader("Content-Type") or "")
    return json.loads(text) if is_json and text else text


def _with(path: str, query: dict[str, Any]) -> str:
    words = "&".join(f"{key}={value}" for key, value in query.items())
    return f"{path}?{words}" if words else path
