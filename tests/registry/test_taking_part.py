"""Taking part: several records each, leaving, being suspended; never by own word alone."""

import ssl
from pathlib import Path

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from protocol_specs.node.client.client import Undelivered
from protocol_specs.node.settings import private_file
from protocol_specs.wire import strict_json
from registry.settings import Policy
from tests.registry.participant import Pair, Participant, desk, participant, subscribed
from tests.registry.world import until
from tests.support.peers import DELIVERIES, RIDES, post


async def places(who: Participant) -> set[tuple[str, str, str]]:
    return {(r["domain"], r["url"], r["city"]) for r in await who.records()}


async def test_one_subscriber_has_a_record_for_each_domain_with_a_url_and_cities_of_its_own(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as d, participant(d, "k1") as who:
        parcels = f"{who.url}/parcels"
        records = [
            {"url": who.url, "type": "BPP", "domain": RIDES, "city": "std:03"},
            {"url": parcels, "type": "BPP", "domain": DELIVERIES, "city": "std:04,std:05"},
        ]
        nothing = {"url": None, "type": None, "domain": None, "city": None}
        said = await who.apply("k1", **nothing, network_participant=records)
        assert said.status == 200, said.body
        await until(who.records)
        wanted = {(RIDES, who.url, "std:03"), (DELIVERIES, parcels, "std:04,std:05")}
        assert await places(who) == wanted
        assert len(who.asked) == 2  # each url has answered a challenge of its own
        assert len({question["challenge"] for question in who.asked}) == 2
        found = await d.lookup(domain=DELIVERIES, type="sellerApp", city="std:05")
        assert [record["url"] for record in found] == [parcels]
        assert await d.lookup(domain=DELIVERIES, city="std:03") == []


async def test_another_domain_is_added_beside_the_first_and_left_by_itself(tmp_path: Path) -> None:
    async with subscribed(tmp_path) as who:
        await who.apply("k1", domain=DELIVERIES, city="std:05")

        async def both() -> bool:
            return len(await who.records()) == 2

        await until(both)
        leaving = {"subscriber_id": who.subscriber_id, "domain": RIDES}
        said = await who.say("/unsubscribe", leaving, signed_with="k1")
        assert (said.status, said.json["status"]) == (200, "UNSUBSCRIBED")
        assert await places(who) == {(DELIVERIES, who.url, "std:05")}
        assert await who.desk.lookup(city="std:03") == []


async def test_cities_of_an_earlier_application_are_served_no_more(tmp_path: Path) -> None:
    async with subscribed(tmp_path) as who:
        assert len(await who.desk.lookup(city="std:04")) == 1
        await who.apply("k1", city="std:05")

        async def moved() -> bool:
            return bool(await who.desk.lookup(city="std:05"))

        await until(moved)
        assert await who.desk.lookup(city="std:04") == []


async def test_who_left_comes_back_by_its_own_key(tmp_path: Path) -> None:
    async with subscribed(tmp_path) as who:
        leaving = {"subscriber_id": who.subscriber_id}
        assert (await who.say("/unsubscribe", leaving, signed_with="k1")).status == 200
        assert await who.records() == []
        [record] = await who.records(status="UNSUBSCRIBED")
        assert record["status"] == "UNSUBSCRIBED"
        await who.apply("k1")
        assert await until(who.records)


async def test_a_signed_leaving_is_good_once(tmp_path: Path) -> None:
    """Whoever keeps it cannot take a participant out again that has come back."""
    async with subscribed(tmp_path) as who:
        leaving = {"action": "unsubscribe", "subscriber_id": who.subscriber_id}
        body = strict_json.dumps(leaving)
        headers = who.sign(body, "k1")
        assert (await post(f"{who.desk.url}/unsubscribe", body, headers)).status == 200
        await who.apply("k1")
        await until(who.records)
        assert (await post(f"{who.desk.url}/unsubscribe", body, headers)).status == 401
        assert len(await who.records()) == 1


async def test_nobody_takes_another_out(tmp_path: Path) -> None:
    async with (
        subscribed(tmp_path) as who,
        participant(who.desk, "k1", subscriber_id="other.example.org") as other,
    ):
        await other.apply("k1")
        await until(other.records)
        leaving = {"subscriber_id": who.subscriber_id}
        assert (await other.say("/unsubscribe", leaving, signed_with="k1")).status == 401
        assert (await who.desk.post("/unsubscribe", leaving)).status == 401
        assert len(await who.records()) == 1


async def test_who_leaves_what_it_does_not_take_part_in_is_told_so(tmp_path: Path) -> None:
    async with subscribed(tmp_path) as who:
        leaving = {"subscriber_id": who.subscriber_id, "domain": DELIVERIES}
        assert (await who.say("/unsubscribe", leaving, signed_with="k1")).status == 403
        leaving = {"subscriber_id": who.subscriber_id, "domain": 7}
        said = await who.say("/unsubscribe", leaving, signed_with="k1")
        assert (said.status, said.json["error"]["paths"]) == (400, "/domain")
        assert len(await who.records()) == 1


async def test_a_suspended_participant_cannot_lift_it_by_leaving_and_coming_back(
    tmp_path: Path,
) -> None:
    async with subscribed(tmp_path) as who:
        await who.desk.decide(who.subscriber_id, "suspend", reason="complaints")
        leaving = {"subscriber_id": who.subscriber_id}
        assert (await who.say("/unsubscribe", leaving, signed_with="k1")).status == 403
        await who.apply("k1")

        async def waits() -> bool:
            return await who.waits_for() == "approval"

        await until(waits)
        assert await who.records() == []


async def test_a_removed_participant_comes_back_only_with_new_keys_by_the_operators_word(
    tmp_path: Path,
) -> None:
    async with subscribed(tmp_path) as who:
        said = await who.desk.decide(who.subscriber_id, "remove", reason="fraud")
        assert (said.status, said.json["status"]) == (200, "UNSUBSCRIBED")
        assert (await who.apply("k1")).status == 403
        who.pairs["k2"] = Pair("k2")
        assert (await who.apply("k2")).status == 200

        async def waits() -> bool:
            return await who.waits_for() == "approval"

        await until(waits)
        assert await who.records() == []
        assert (await who.desk.decide(who.subscriber_id, "reinstate")).status == 404
        assert (await who.desk.decide(who.subscriber_id, "approve")).status == 200
        assert [record["key_id"] for record in await who.records()] == ["k2"]


async def test_nobody_makes_itself_subscribed_and_is_told_that_the_word_has_no_effect(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, policy=Policy()) as d, participant(d, "k1") as who:
        said = await who.apply("k1", status="SUBSCRIBED", approved=True)
        assert said.json["ignored"] == [
            {"path": "/status", "reason": "set by the registry alone"},
            {"path": "/approved", "reason": "set by the registry alone"},
        ]

        async def waits() -> bool:
            return await who.waits_for() == "approval"

        await until(waits)
        assert await who.records() == []
        [row] = await who.records(status="UNDER_SUBSCRIPTION")
        assert "approves every BPP" in row["reason"]


@pytest.mark.parametrize("kind", ["BG", "BAP"])
async def test_another_role_for_a_known_id_waits_for_the_operator(
    tmp_path: Path, kind: str
) -> None:
    policy = Policy(automatic=("BAP", "BPP", "BG"))
    async with subscribed(tmp_path, policy=policy) as who:
        await who.apply("k1", type=kind)

        async def waits() -> bool:
            return await who.waits_for() == "approval"

        await until(waits)
        assert {record["type"] for record in await who.records()} == {"BPP"}


async def test_a_refused_application_tells_the_applicant_why(tmp_path: Path) -> None:
    async with desk(tmp_path, policy=Policy()) as d, participant(d, "k1") as who:
        await who.apply("k1")

        async def waits() -> bool:
            return await who.waits_for() == "approval"

        await until(waits)
        assert (await d.decide(who.subscriber_id, "refuse")).status == 400
        said = await d.decide(who.subscriber_id, "refuse", reason="no licence for this city")
        assert (said.status, said.json["status"]) == (200, "INITIATED")
        [row] = await who.records(status="INITIATED")
        assert row["reason"] == "no licence for this city"
        assert (await d.decide(who.subscriber_id, "approve")).status == 409
        assert await who.records() == []
        entry = (await d.log())[-1]
        assert (entry["what"], entry["who"]) == ("application refused", "operator")
        assert entry["detail"]["reason"] == "no licence for this city"


async def test_an_approval_of_another_application_than_was_looked_at_is_refused(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, policy=Policy()) as d, participant(d, "k1") as who:
        await who.apply("k1")

        async def waits() -> bool:
            return await who.waits_for() == "approval"

        await until(waits)
        [row] = await who.records(status="UNDER_SUBSCRIPTION")
        other = row["application"] + 1
        assert (await d.decide(who.subscriber_id, "approve", application=other)).status == 409
        assert await who.records() == []
        same = row["application"]
        assert (await d.decide(who.subscriber_id, "approve", application=same)).status == 200


async def test_a_decision_needs_an_operators_token(tmp_path: Path) -> None:
    async with subscribed(tmp_path) as who:
        for token in ("x" * 43, who.desk.token[:-1]):
            said = await who.desk.decide(who.subscriber_id, "suspend", token=token, reason="x")
            assert said.status == 401
        assert len(await who.records()) == 1


async def test_the_log_names_the_operator_who_decided(tmp_path: Path) -> None:
    async with subscribed(tmp_path) as who:
        file = who.desk.settings.data_dir / "operators" / "asha.token"
        token = private_file(file)
        said = await who.desk.decide(who.subscriber_id, "suspend", token=token, reason="x")
        assert said.status == 200
        assert (await who.desk.log())[-1]["who"] == "asha"
        file.unlink()
        assert (await who.desk.decide(who.subscriber_id, "reinstate", token=token)).status == 401


async def test_every_mistake_of_an_application_is_told_with_its_path_and_nothing_is_stored(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as d, participant(d, "k1") as who:
        said = await who.apply(
            "k1", country="malaysia", city="*", valid_until="tomorrow", encr_public_key=7
        )
        error = said.json["error"]
        assert said.status == 400
        assert [fault["path"] for fault in error["faults"]] == [
            "/country",
            "/valid_until",
            "/encr_public_key",
            "/city",
        ]
        assert error["paths"] == "/country"
        assert all(fault["reason"] in error["message"] for fault in error["faults"])
        assert await who.waits_for() is None
        assert await d.log() == []


async def test_a_url_whose_certificate_does_not_hold_is_told_by_its_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def call(url: str, path: str, body: bytes) -> bytes:
        origin = ConnectionKey("taxi.example.org", 443, True, True, None, None, None)
        cause = ssl.SSLCertVerificationError("self-signed certificate")
        error = aiohttp.ClientConnectorCertificateError(origin, cause)
        raise Undelivered("gave no answer (ClientConnectorCertificateError)", True) from error

    policy = Policy(automatic=("BPP",), challenge_tries_max=1)
    async with desk(tmp_path, policy=policy) as d, participant(d, "k1") as who:
        monkeypatch.setattr(d.node.client, "call", call)
        await who.apply("k1")

        async def refused() -> bool:
            return await who.waits_for() == "refused"

        await until(refused)
        [row] = await who.records(status="INVALID_SSL")
        assert row["status"] == "INVALID_SSL"
        assert "Certificate" in row["reason"]
