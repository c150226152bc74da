"""Keys over time: one more beside the old, the old one ended, and nobody else in between."""

from pathlib import Path
from typing import Any

import pytest

from protocol_specs.wire import keys, strict_json
from protocol_specs.wire.timestamp import rfc3339
from registry.settings import Bounds, Policy
from tests.registry.participant import DAY_S, NOW, Pair, Participant, desk, participant, subscribed
from tests.registry.world import until
from tests.support.peers import DELIVERIES, post


async def key_ids(who: Participant) -> list[str]:
    return sorted(record["key_id"] for record in await who.records())


async def rotated(who: Participant) -> None:
    """A second key, signed for by the first, stands beside it."""
    who.pairs["k2"] = Pair("k2")
    said = await who.apply("k2", signed_with="k1")
    assert said.status == 200, said.body

    async def both() -> bool:
        return await key_ids(who) == ["k1", "k2"]

    await until(both)


async def test_a_key_that_a_current_one_signed_for_stands_beside_it_without_the_operator(
    tmp_path: Path,
) -> None:
    nobody_by_itself = Policy(automatic=())
    async with desk(tmp_path, policy=nobody_by_itself) as d, participant(d, "k1") as who:
        await who.apply("k1")

        async def passed() -> bool:
            return await who.waits_for() == "approval"

        await until(passed)
        assert (await d.decide(who.subscriber_id, "approve")).status == 200
        await rotated(who)
        assert who.asked[-1]["signing_public_key"] == keys.b64encode(who.pairs["k2"].signing.public)
        entry = (await d.log())[-1]
        assert (entry["what"], entry["who"]) == ("key added", who.subscriber_id)
        assert entry["detail"]["signed_with"] == "k1"


async def test_a_retired_key_is_found_no_more_and_signs_nothing(tmp_path: Path) -> None:
    async with subscribed(tmp_path, "k1") as who:
        await rotated(who)
        question = {"subscriber_id": who.subscriber_id, "key_id": "k1"}
        said = await who.say("/retire", question, signed_with="k2")
        assert (said.status, said.json["status"]) == (200, "EXPIRED")
        assert await key_ids(who) == ["k2"]
        [expired] = await who.records(status="EXPIRED")
        assert expired["key_id"] == "k1"
        assert (await who.apply("k1")).status == 401
        again = await who.say("/retire", question, signed_with="k2")
        assert again.status == 200
        assert [entry["what"] for entry in await who.desk.log()].count("key retired") == 1


async def test_a_retired_key_never_comes_back(tmp_path: Path) -> None:
    async with subscribed(tmp_path, "k1") as who:
        await rotated(who)
        await who.say(
            "/retire", {"subscriber_id": who.subscriber_id, "key_id": "k1"}, signed_with="k2"
        )
        said = await who.apply("k1", signed_with="k2")
        assert (said.status, said.json["error"]["paths"]) == (403, "/key_id")
        assert await key_ids(who) == ["k2"]


async def test_the_key_that_signs_is_not_the_one_that_ends(tmp_path: Path) -> None:
    async with subscribed(tmp_path, "k1") as who:
        question = {"subscriber_id": who.subscriber_id, "key_id": "k1"}
        said = await who.say("/retire", question, signed_with="k1")
        assert (said.status, said.json["error"]["paths"]) == (403, "/key_id")
        assert await key_ids(who) == ["k1"]


async def test_nobody_retires_the_key_of_another(tmp_path: Path) -> None:
    async with (
        subscribed(tmp_path, "k1") as who,
        participant(who.desk, "k1", subscriber_id="other.example.org") as other,
    ):
        await other.apply("k1")
        await until(other.records)
        question = {"subscriber_id": who.subscriber_id, "key_id": "k1"}
        assert (await other.say("/retire", question, signed_with="k1")).status == 401
        assert await key_ids(who) == ["k1"]


async def test_a_new_key_that_its_endpoint_does_not_know_is_not_added(tmp_path: Path) -> None:
    """Who stole a key can sign for another one; the participant's endpoint does not vouch."""
    policy = Policy(automatic=("BPP",), challenge_tries_max=1)
    async with subscribed(tmp_path, "k1", policy=policy) as who:
        thief = who.pairs["k2"] = Pair("k2")
        body = who.body("k2")
        del who.pairs["k2"]
        assert (await who.say("/subscribe", body, signed_with="k1")).status == 200

        async def refused() -> bool:
            return await who.waits_for() == "refused"

        await until(refused)
        assert await key_ids(who) == ["k1"]
        assert thief.key_id == "k2"


@pytest.mark.parametrize(
    ("changes", "path"),
    [({"domain": DELIVERIES}, "/domain"), ({"type": "BAP"}, "/domain"), ({"url": "x"}, "/url")],
)
async def test_a_new_key_comes_alone(tmp_path: Path, changes: dict[str, Any], path: str) -> None:
    async with subscribed(tmp_path, "k1") as who:
        who.pairs["k2"] = Pair("k2")
        if "url" in changes:
            changes = {"url": f"{who.url}/elsewhere"}
        said = await who.apply("k2", signed_with="k1", **changes)
        assert (said.status, said.json["error"]["paths"]) == (403, path)
        assert await who.waits_for() is None


async def test_a_suspended_participant_gets_no_new_key(tmp_path: Path) -> None:
    async with subscribed(tmp_path, "k1") as who:
        await who.desk.decide(who.subscriber_id, "suspend", reason="complaints")
        who.pairs["k2"] = Pair("k2")
        said = await who.apply("k2", signed_with="k1")
        assert (said.status, said.json["error"]["paths"]) == (403, "/domain")


async def test_a_key_waits_in_vain_when_the_one_that_signed_for_it_ends_meanwhile(
    tmp_path: Path,
) -> None:
    policy = Policy(automatic=("BPP",), challenge_tries_max=2)
    async with subscribed(tmp_path, "k1", policy=policy) as who:
        pair = Pair("k2")
        who.pairs["k2"] = pair
        body = who.body("k2")
        del who.pairs["k2"]
        await who.say("/subscribe", body, signed_with="k1")

        async def tried() -> bool:
            return any(row["reason"] for row in await who.records(status="UNDER_SUBSCRIPTION"))

        await until(tried)
        said = await who.desk.decide(who.subscriber_id, "retire", key_id="k1", reason="stolen")
        assert said.status == 200
        who.pairs["k2"] = pair
        who.desk.clock.at += 2

        async def refused() -> bool:
            return await who.waits_for() == "refused"

        await until(refused)
        assert await who.records() == []


async def test_at_most_so_many_keys_of_one_subscriber_are_valid_at_once(tmp_path: Path) -> None:
    async with subscribed(tmp_path, "k1", policy=Policy(automatic=("BPP",), keys_max=2)) as who:
        await rotated(who)
        who.pairs["k3"] = Pair("k3")
        said = await who.apply("k3", signed_with="k2")
        assert (said.status, said.json["error"]["paths"]) == (403, "/key_id")


async def test_a_key_that_is_published_early_is_found_when_its_time_comes(tmp_path: Path) -> None:
    async with subscribed(tmp_path, "k1") as who:
        who.pairs["k2"] = Pair("k2")
        soon = "2026-09-21T15:00:00.000Z"  # 47 minutes after NOW
        await who.apply("k2", signed_with="k1", valid_from=soon)

        async def granted() -> bool:
            return (await who.desk.log())[-1]["what"] == "key added"

        await until(granted)
        assert await key_ids(who) == ["k1"]
        who.desk.clock.at = NOW + DAY_S
        assert await key_ids(who) == ["k1", "k2"]


@pytest.mark.parametrize("path", ["/retire", "/unsubscribe", "/subscribe"])
async def test_a_signature_by_another_key_under_a_current_keys_name_changes_nothing(
    tmp_path: Path, path: str
) -> None:
    async with subscribed(tmp_path, "k1") as who:
        await rotated(who)
        before = await who.desk.log()
        documents = {
            "/retire": {"subscriber_id": who.subscriber_id, "key_id": "k2"},
            "/unsubscribe": {"subscriber_id": who.subscriber_id},
            "/subscribe": who.body("k1", city="std:99"),
        }
        who.pairs["k1"] = Pair("k1")
        assert (await who.say(path, documents[path], signed_with="k1")).status == 401
        assert await who.waits_for() is None
        assert await who.desk.log() == before


@pytest.mark.parametrize("path", ["/retire", "/unsubscribe"])
async def test_what_was_signed_as_a_question_is_no_change(tmp_path: Path, path: str) -> None:
    """A node that asks after its next key signs its id and that key's; a signature names no path,
    and whoever sees the question pass may send it elsewhere."""
    async with subscribed(tmp_path, "k1") as who:
        await rotated(who)
        body = strict_json.dumps({"subscriber_id": who.subscriber_id, "key_id": "k2"})
        headers, before = who.sign(body, "k1"), await who.desk.log()
        assert (await post(f"{who.desk.url}/lookup", body, headers)).status == 200
        said = await post(who.desk.url + path, body, headers)
        assert (said.status, said.json["error"]["paths"]) == (400, "/action")
        assert await key_ids(who) == ["k1", "k2"]
        assert await who.desk.log() == before


async def test_what_a_key_asked_for_is_not_granted_once_that_key_has_ended(tmp_path: Path) -> None:
    """Its owner ends a stolen key; what the thief applied for meanwhile must end with it."""
    policy = Policy(automatic=())
    async with desk(tmp_path, policy=policy) as d, participant(d, "k1") as who:

        async def waits() -> bool:
            return await who.waits_for() == "approval"

        await who.apply("k1")
        await until(waits)
        assert (await d.decide(who.subscriber_id, "approve")).status == 200
        await rotated(who)
        await who.apply("k2", signed_with="k1", city="std:99")
        await until(waits)
        ending = {"subscriber_id": who.subscriber_id, "key_id": "k1"}
        assert (await who.say("/retire", ending, signed_with="k2")).status == 200
        before = await d.log()
        said = await d.decide(who.subscriber_id, "approve")
        assert (said.status, b"no longer valid" in said.body) == (403, True)
        assert await d.log() == before
        assert await d.lookup(city="std:99") == []


async def test_keys_that_begin_later_count_as_well(tmp_path: Path) -> None:
    async with subscribed(tmp_path, "k1", policy=Policy(automatic=("BPP",), keys_max=2)) as who:
        later = rfc3339((NOW + DAY_S) * 1000)
        for name in ("k2", "k3"):
            who.pairs[name] = Pair(name)

        async def granted() -> bool:
            return len((await who.desk.log())[-1]["detail"]["keys"]) == 2

        assert (await who.apply("k2", signed_with="k1", valid_from=later)).status == 200
        await until(granted)
        said = await who.apply("k3", signed_with="k1", valid_from=later)
        assert (said.status, said.json["error"]["paths"]) == (403, "/key_id")


@pytest.mark.parametrize("path", ["/subscribe", "/retire", "/unsubscribe"])
async def test_nobody_changes_more_often_than_the_registry_lets_it(
    tmp_path: Path, path: str
) -> None:
    async with subscribed(tmp_path, bounds=Bounds(changes_per_subscriber_per_h=2)) as who:
        leaving = {"subscriber_id": who.subscriber_id, "domain": DELIVERIES}
        for _ in range(2):
            assert (await who.say("/unsubscribe", leaving, signed_with="k1")).status == 403
        documents = {"/subscribe": who.body("k1"), "/retire": leaving, "/unsubscribe": leaving}
        said = await who.say(path, documents[path], signed_with="k1")
        assert (said.status, said.headers["Retry-After"]) == (429, "1800")
        stranger = Participant(who.desk, who.url, {"k1": Pair("k1")}, who.subscriber_id)
        assert (await stranger.say(path, documents[path], signed_with="k1")).status == 401
        who.desk.clock.at += 1800
        assert (await who.say(path, documents[path], signed_with="k1")).status != 429
