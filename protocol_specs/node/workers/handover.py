"""What a worker keeps in memory, handed to the process that takes its slot: a file beside the node.

Written when a worker is replaced or stopped, read once by the next. A killed one writes nothing:
what it held is gone, as that of a node of one process is.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from protocol_specs.node import files

Keep = Callable[[], Any]
Take = Callable[[Any], None]
OTHERWISE = (LookupError, TypeError, ValueError, AttributeError)  # of what is written otherwise


class Handover:
    """Of one slot. `kept` is JSON-ready; what another version wrote otherwise is left aside."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._things: dict[str, tuple[Keep, Take]] = {}
        self._is_ours = False

    def add(self, name: str, keep: Keep, take: Take) -> None:
        """Hand over what `keep()` tells; the next one's `take` gets it. Once each name."""
        self._things[name] = keep, take

    def write(self) -> None:
        """For the next one; nothing, if this one never took over."""
        if not self._is_ours:
            return
        held = orjson.dumps({name: keep() for name, (keep, _) in self._things.items()})
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.replace(self._path, held)

    def read(self) -> None:
        """From the one before, if there is any; the file is gone afterwards."""
        self._is_ours = True
        try:
            held = orjson.loads(self._path.read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            return
        self._path.unlink()
        for name, (_, take) in self._things.items():
            if name in held:
                with suppress(*OTHERWISE):
                    take(held[name])
