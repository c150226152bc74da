"""What a command says when the running node's answer is lost: never that nothing was written."""

import json
import socket
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from bpp.insurance import desk_calls
from protocol_specs.node.commands import CommandFault


@dataclass(frozen=True)
class Node:
    """A node's place on this machine, whoever answers there."""

    data_dir: Path
    port: int
    token_file: Path
    host: str = "127.0.0.1"


def answering(said: bytes | None) -> tuple[int, threading.Thread]:
    """A port where one request is read and this is said, the connection then closed; None: held
    open without a word."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listening, listening.accept()[0] as one:
            one.recv(65_536)
            if said is None:
                one.recv(1)  # until the other side has given up
            else:
                one.sendall(said)

    thread = threading.Thread(target=serve)
    thread.start()
    return int(listening.getsockname()[1]), thread


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "desk.token"
    path.write_text("t" * 40)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    "said",
    [b"", None, b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\nsorry", b"SSH-2.0\r\n"],
    ids=["cut off", "silent", "no JSON", "no HTTP"],
)
def test_an_answer_that_is_lost_is_not_called_nothing_written(
    tmp_path: Path, token_file: Path, said: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_calls, "ANSWER_S", 0.2)
    port, thread = answering(said)
    with pytest.raises(CommandFault, match="may have been written all the same"):
        desk_calls.asked(Node(tmp_path, port, token_file), "/desk/x", {})
    thread.join(5)


def test_where_nobody_listens_nothing_was_asked_and_it_is_an_error(
    tmp_path: Path, token_file: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = int(listening.getsockname()[1])
    answer = desk_calls.asked(Node(tmp_path, port, token_file), "/desk/x", {})
    assert "does not answer at its port" in answer["error"]


def test_what_the_desk_refuses_is_told_in_its_own_words(tmp_path: Path, token_file: Path) -> None:
    body = json.dumps({"error": {"code": "refused", "message": "not yet"}}).encode()
    head = f"HTTP/1.1 409 Conflict\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    port, thread = answering(head + body)
    answer = desk_calls.asked(Node(tmp_path, port, token_file), "/desk/x", {})
    assert answer == {"error": "not yet"}
    thread.join(5)
