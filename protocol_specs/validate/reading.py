"""Reads recorded conversations from files: a folder of NN_action.json is one, in that order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from protocol_specs.validate.conversation import Conversation, Message, Unread, message_of, obj
from protocol_specs.validate.words import CALLBACKS, REQUESTS, dialect_of
from protocol_specs.wire import strict_json
from protocol_specs.wire.errors import Malformed

FILE_BYTES_MAX = 16 * 1_048_576
NOT_MESSAGES = frozenset({"index.json"})
_NUMBER = re.compile(r"[0-9]+")


class NothingThere(Exception):
    """A path that was named does not exist or cannot be read."""


def conversations(paths: Sequence[Path]) -> Iterator[Conversation]:
    """What stands at `paths`: files, folders of messages, and folders of such folders.

    Raises NothingThere for a path that does not exist. Whatever a file holds is no reason to stop:
    it becomes a fault of its conversation.
    """
    for path in paths:
        if path.is_dir():
            yield from _below(path)
        elif path.is_file():
            yield _conversation(path, [path], whole=False)
        else:
            raise NothingThere(f"{path}: no such file or folder")


def _below(folder: Path) -> Iterator[Conversation]:
    """The conversation in the folder itself, if there is one, and those in the folders below."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise NothingThere(f"{folder}: cannot be read: {error.strerror}") from None
    files = [path for path in entries if path.suffix == ".json" and path.name not in NOT_MESSAGES]
    if files:
        yield _conversation(folder, sorted(files, key=_turn), whole=True)
    for path in entries:
        if path.is_dir() and not path.is_symlink():
            yield from _below(path)


def _turn(path: Path) -> tuple[int, str]:
    """By the number in front, 2 before 10; what has none comes last, by name."""
    number = _NUMBER.match(path.name)
    return (int(number[0][:18]) if number else 10**18, path.name)


def _conversation(path: Path, files: Sequence[Path], *, whole: bool) -> Conversation:
    read = [_read(file, number) for number, file in enumerate(files)]
    return Conversation(
        path=str(path),
        messages=tuple(one for one in read if isinstance(one, Message)),
        unread=tuple(one for one in read if isinstance(one, Unread)),
        whole=whole,
    )


def _read(file: Path, number: int) -> Message | Unread:
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            return Unread(file.name, "json", "", f"larger than {FILE_BYTES_MAX} bytes")
        document = strict_json.parse(file.read_bytes())
    except OSError as error:
        return Unread(file.name, "json", "", f"cannot be read: {error.strerror}")
    except Malformed as refused:
        return Unread(file.name, "json", "", refused.reason)
    return read_document(file.name, number, document)


def read_document(file: str, number: int, document: dict[str, Any]) -> Message | Unread:
    """The message in a parsed document, or why there is none.

    A document {request, response} is a message with the synchronous answer beside it, as some
    recorders write it: the request is the message.
    """
    if "context" not in document and isinstance(document.get("request"), dict):
        document = document["request"]
    context = obj(document.get("context"))
    if not context:
        return Unread(file, "context", "/context", "/context is missing: a message needs it")
    action = context.get("action")
    if not isinstance(action, str) or (action not in REQUESTS and action not in CALLBACKS):
        shown = repr(action)[:40]
        return Unread(file, "action", "/context/action", f"/context/action: no action {shown}")
    dialect = dialect_of(document, context)
    if dialect is None:
        domain = repr(context.get("domain"))[:40]
        version = repr(context.get("version") or context.get("core_version"))[:20]
        reason = f"/context/domain: {domain} in version {version} is not known"
        return Unread(file, "dialect", "/context/domain", reason)
    return message_of(file, number, document, dialect)
