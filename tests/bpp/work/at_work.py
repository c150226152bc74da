"""A cooperative whose drivers need papers or shifts: its office and its drivers' phones."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from bpp.office import people
from bpp.office.people import Entry
from tests.bpp.cooperative import Cooperative
from tests.bpp.drive.driving import driving
from tests.bpp.office.support import PHONES, hidden
from tests.support.browsing import Browsing, Seen

KL = ZoneInfo("Asia/Kuala_Lumpur")


@asynccontextmanager
async def at_work(folder: Path, **changes: Any) -> AsyncIterator[Cooperative]:
    """As `driving`, and one person in each role of the office."""
    async with driving(folder, **changes) as there:
        for role, phone in PHONES.items():
            entry = Entry(f"{role}-1", phone, f"Our {role}", (role,))
            there.node.store.transact_now(
                lambda s, entry=entry: people.put(s, entry, there.node.now())
            )
        yield there


async def worker(there: Cooperative, code: str) -> str:
    """The driver's agent_id."""
    _, told = await there.desk("GET", "drivers")
    return next(str(each["agent_id"]) for each in told["drivers"] if each["code"] == code)


def today(there: Cooperative, days: int = 0) -> str:
    """The city's day, so many days from now."""
    return datetime.fromtimestamp(there.clock.at + days * 86_400, KL).date().isoformat()


def hour(there: Cooperative, hours: int = 0) -> str:
    """The city's hour, so many hours from now, as a field of a form takes it."""
    return datetime.fromtimestamp(there.clock.at + hours * 3_600, KL).strftime("%H:00")


async def write_paper(
    office: Browsing, holder: str, name: str, picture: bytes = b"", **fields: str
) -> Seen:
    """The form of the holder's page, sent as it stands there."""
    path = f"/office/documents/{holder}/{quote(name)}"
    given = {"kind": "licence", "number": "L-77 0042", **fields}
    form = hidden(await office.get(path), path) | given
    return await office.upload(path, form, "scan", picture)


async def plan(office: Browsing, **fields: str) -> Seen:
    """The form of a shift."""
    form = hidden(await office.get("/office/shifts"), "/office/shifts")
    return await office.post("/office/shifts", form | {"days": "1", **fields})
