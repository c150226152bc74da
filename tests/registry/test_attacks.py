"""Endpoints that answer their challenge wrongly, and questions that look like a query."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from protocol_specs.wire import strict_json
from tests.registry.test_hostile_applicants import apply, stranger, subscribed, waits_for
from tests.registry.world import World, own_keys, until, world
from tests.support.peers import post

Answers = Callable[[dict[str, Any], World], bytes]


def ok(answer: Any) -> bytes:
    body = answer if isinstance(answer, bytes) else strict_json.dumps(answer)
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def to_the_owner(status: int) -> Answers:
    def answer(asked: dict[str, Any], w: World) -> bytes:
        there = f"{w.gateway_settings.url}/on_subscribe"
        return f"HTTP/1.1 {status} X\r\nLocation: {there}\r\nContent-Length: 0\r\n\r\n".encode()

    return answer


WRONG: dict[str, Answers] = {
    "what was asked": lambda asked, w: ok({"answer": asked["challenge"]}),
    "nothing": lambda asked, w: ok({"answer": ""}),
    "a number": lambda asked, w: ok({"answer": 7}),
    "another of the right form": lambda asked, w: ok({"answer": "0" * 32}),
    "no answer": lambda asked, w: ok({}),
    "no JSON": lambda asked, w: ok(b"{"),
    "an answer without end": lambda asked, w: ok(b" " * 3_000_000),
    "that it does not want to": lambda asked, w: b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
}


@asynccontextmanager
async def endpoint(w: World, answers: Answers) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """The url of one who answers so, and what it was asked."""
    asked: list[dict[str, Any]] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
        asked.append(strict_json.parse(await reader.readexactly(int(length))))
        writer.write(answers(asked[-1], w))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    finally:
        server.close()


async def test_who_answers_the_challenge_wrongly_is_not_let_in(tmp_path: Path) -> None:
    async with world(tmp_path, automatic=("BG",), challenge_tries_max=1) as w:
        heard = []
        for n, (what, answers) in enumerate(WRONG.items()):
            who = f"p{n}.example.org"
            async with endpoint(w, answers) as (url, asked):
                said = await apply(w, stranger(), subscriber_id=who, url=url)
                assert said.status == 200, what
                await until(lambda who=who: waits_for(w, who, "refused"))
            assert len(asked) == 1, what
            assert await w.lookup(subscriber_id=who) == [], what
            heard.append(asked[0]["challenge"])
        assert len(set(heard)) == len(WRONG), "no two challenges are alike"


@pytest.mark.parametrize("status", [302, 307])
async def test_a_challenge_is_not_sent_on_to_who_could_answer_it(
    tmp_path: Path, status: int
) -> None:
    """With the keys of somebody else, at a url of its own."""
    async with world(tmp_path, automatic=("BG",), challenge_tries_max=1) as w:
        async with endpoint(w, to_the_owner(status)) as (url, asked):
            assert (await apply(w, own_keys(w.gateway_settings), url=url)).status == 200
            await until(lambda: waits_for(w, "bg.example.org", "refused"))
        assert len(asked) == 1
        assert await w.lookup(subscriber_id="bg.example.org") == []


ALIKE = (
    "%",
    "_g.example.org",
    "bg%",
    "' OR '1'='1",
    'bg.example.org" --',
    "BG.example.org",
    "bg.example.org\u200b",
    "bg.examp\u04bee.org",
)


async def test_a_question_finds_what_it_names_and_nothing_that_looks_like_it(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, automatic=("BG",)) as w:
        await w.join()
        assert await until(lambda: subscribed(w))
        for who in ALIKE:
            for field in ("subscriber_id", "type", "domain", "city"):
                said = await post(f"{w.url}/lookup", strict_json.dumps({field: who}))
                assert said.status == 400 or said.body == b"[]", (field, who)
