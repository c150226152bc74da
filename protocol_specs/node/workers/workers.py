"""One of several processes of a node: its place among them, and what its parent gave it.

The parent (`supervisor`) holds the listening sockets; each worker inherits them, has a slot of its
own, and handles the conversations whose number leaves that slot as the remainder. So the order of a
conversation, and what the outbox remembers of it, stay in one process. PostgreSQL only: the slot is
an advisory lock on the connection that writes, and who lost that connection cannot write any more.
"""

import os
import socket
from dataclasses import dataclass
from hashlib import sha256

DRAIN_S = 12.0  # peers like this node close a connection themselves that idled for 10 s
FRAME_BYTES_MAX = 4 * 1_048_576  # of what one worker asks another, or is answered
HANDED_BODY_BYTES_MAX = FRAME_BYTES_MAX - 65_536  # the rest is for who sent it and its signature
VARIABLE = "WAYFARE_WORKER"  # what `Worker.written` says, from parent to worker


@dataclass(frozen=True, slots=True)
class Share:
    """Which of the node's conversations are this process's: number % `of` == `slot`."""

    slot: int = 0
    of: int = 1

    @property
    def is_first(self) -> bool:
        """Whether what must go on once for the whole node goes on here."""
        return self.slot == 0

    def has(self, conversation: int) -> bool:
        """Whether this process tends that conversation."""
        return conversation % self.of == self.slot

    def slot_of(self, key: str) -> int:
        """The worker that holds what is kept in memory under `key`; the same in every process."""
        return int.from_bytes(sha256(key.encode("utf-8", "surrogatepass")).digest()[:8]) % self.of

    @property
    def values(self) -> dict[str, int]:
        """For statements that ask for this process's own."""
        return {"slot": self.slot, "workers": self.of}


WHOLE = Share()


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker inherits: its share, two listening sockets, the pipe on which it says that it
    listens, and one whose other end its parent holds and says nothing on: it closes with the parent
    however that ends."""

    share: Share
    sock: int
    ops_sock: int
    ready: int
    parent: int

    def written(self) -> str:
        """For the environment."""
        numbers = self.share.slot, self.share.of, self.sock, self.ops_sock, self.ready, self.parent
        return ":".join(str(number) for number in numbers)

    def sockets(self) -> tuple[socket.socket, socket.socket]:
        """The two sockets, bound by the parent."""
        return socket.socket(fileno=self.sock), socket.socket(fileno=self.ops_sock)

    def say_waiting(self) -> None:
        """Tells the parent that this worker needs its slot from here on."""
        os.write(self.ready, b"0")

    def say_ready(self) -> None:
        """Tells the parent that this worker serves."""
        os.write(self.ready, b"1")
        os.close(self.ready)


def inherited() -> Worker | None:
    """What the parent gave this process; None: it is no worker."""
    said = os.environ.get(VARIABLE)
    if said is None:
        return None
    slot, of, *pipes = (int(number) for number in said.split(":"))
    return Worker(Share(slot, of), *pipes)
