"""A node's connections to NATS, as its settings ask for them; nats-py is loaded only then."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from protocol_specs.node.nats.sealing import Sealing, token
from protocol_specs.node.settings import SettingsError, read_secret
from protocol_specs.node.startup import load_keys

if TYPE_CHECKING:
    from protocol_specs.node.nats.bus import Bus
    from protocol_specs.node.nats.carrier import NatsHints
    from protocol_specs.node.nats.place import NatsPlace
    from protocol_specs.node.settings import NodeSettings
    from protocol_specs.node.telemetry import Telemetry
    from protocol_specs.node.workers import Share


class Buses:
    """Those of one node. Raises SettingsError."""

    def __init__(self, settings: NodeSettings, telemetry: Telemetry) -> None:
        self._settings, self._telemetry = settings, telemetry
        self._open: list[Bus] = []

    def hints(self, share: Share) -> NatsHints | None:
        """Between the node's processes, if `[nats]` says so; else the database takes them about."""
        if self._settings.nats is None:
            return None
        bus = self._bus(self._settings.nats, key="nats", name="hints")
        from protocol_specs.node.nats.carrier import NatsHints

        return NatsHints(bus, share, self._sealing(), self._settings.subscriber_id)

    def _sealing(self) -> Sealing:
        return Sealing(load_keys(self._settings).signing.seed)

    async def close(self) -> None:
        """Ends them all."""
        for bus in self._open:
            await bus.close()

    def _bus(self, at: NatsPlace, *, key: str, name: str) -> Bus:
        if importlib.util.find_spec("nats") is None:
            raise SettingsError(f"key '{key}': NATS needs nats-py: pip install 'wayfare[nats]'")
        from protocol_specs.node.nats.bus import Bus

        inbox, file = f"_INBOX.{token(self._settings.subscriber_id)}", at.password_file
        password = None
        if file is not None:
            password = read_secret(file, key=f"{key}.password_file", made_by="Write it there.")
        try:
            bus = Bus(at, password, name=name, inbox=inbox, telemetry=self._telemetry)
        except OSError as error:  # ssl.SSLError too
            raise SettingsError(f"key '{key}.ca': {at.ca}: {error}") from None
        self._open.append(bus)
        return bus
