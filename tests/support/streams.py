"""What comes on a stream of a node, piece by piece."""

import asyncio

import aiohttp


async def next_lines(response: aiohttp.ClientResponse, end: bytes = b"\n\n") -> list[str]:
    """The lines of the next event. Raises IncompleteReadError where the stream is over: aiohttp
    itself gives nothing then, at once and again and again, and no deadline would end that."""
    said = await response.content.readuntil(end)
    if not said.endswith(end):
        raise asyncio.IncompleteReadError(said, None)
    return said.decode().splitlines()
