"""One of several processes of a node: its place among them, and what its parent gave it.

The parent (`supervisor`) holds the listening sockets; each worker inherits them, has a slot of its
own, and handles the conversations whose number leaves that slot as the remainder. So the order of a
conversation, and what the outbox remembers of it, stay in one process. PostgreSQL only: the slot is
an advisory lock on the connection that writes, and who lost that connection cannot write any more.
"""

import os
import socket
from dataclasses import dataclass

VARIABLE = "WAYFARE_WORKER"  # "slot/of:port socket:ops socket:ready pipe", from parent to worker


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

    @property
    def values(self) -> dict[str, int]:
        """For statements that ask for this process's own."""
        return {"slot": self.slot, "workers": self.of}


WHOLE = Share()


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker inherits: its share, two listening sockets, and the pipe on which it says that
    it listens."""

    share: Share
    sock: int
    ops_sock: int
    ready: int

    def written(self) -> str:
        """For the environment."""
        share = self.share
        return f"{share.slot}/{share.of}:{self.sock}:{self.ops_sock}:{self.ready}"

    def sockets(self) -> tuple[socket.socket, socket.socket]:
        """The two sockets, bound by the parent."""
        return socket.socket(fileno=self.sock), socket.socket(fileno=self.ops_sock)

    def say_ready(self) -> None:
        """Tells the parent that this worker serves."""
        os.write(self.ready, b"1")
        os.close(self.ready)


def inherited() -> Worker | None:
    """What the parent gave this process; None: it is no worker."""
    said = os.environ.get(VARIABLE)
    if said is None:
        return None
    share, *numbers = said.split(":")
    slot, of = share.split("/")
    return Worker(Share(int(slot), int(of)), *(int(number) for number in numbers))
