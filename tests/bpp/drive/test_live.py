"""The stream of a driver's page: it ends with its page."""

from __future__ import annotations

from pathlib import Path

import aiohttp

from tests.bpp.drive.driving import driving, phone_of


async def test_who_goes_from_page_to_page_has_news_on_each(tmp_path: Path) -> None:
    async with driving(tmp_path) as there:
        phone = await phone_of(there, "D1")
        headers = {"Cookie": phone.browser.cookie}
        for _ in range(12):  # many more than one driver may have open at once
            async with aiohttp.ClientSession() as session:
                answer = await session.get(f"{there.url}/drive/live?seen=old", headers=headers)
                assert answer.status == 200
                assert b"id: 1" in await answer.content.readline()
                answer.close()
