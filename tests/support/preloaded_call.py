"""What `wayfare` on a test's PATH is: has its work done by a fork of `preloaded.py`'s process.

The first word is where that listens. Only the standard library, and little of it: it starts often.
"""

import os
import signal
import socket
import sys
from json import dumps

RELAYED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def main() -> int:
    at, *words = sys.argv[1:]
    ignored = [n for n in (*RELAYED, signal.SIGQUIT) if signal.getsignal(n) == signal.SIG_IGN]
    call = {
        "words": words,
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "ignored": ignored,
    }
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(at)
        line = dumps(call).encode() + b"\n"
        sent = socket.send_fds(connection, [line], [0, 1, 2])
        connection.sendall(line[sent:])
        for number in RELAYED:
            if number not in ignored:
                signal.signal(number, lambda got, _: connection.sendall(bytes([got])))
        said = connection.makefile("rb").readline()
    status = int(said)  # nothing: the server has gone, which no command survives
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


if __name__ == "__main__":
    sys.exit(main())
