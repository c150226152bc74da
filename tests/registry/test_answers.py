"""What the registry answers: signed, as fresh as the directory, and 304 where nothing changed."""

import base64
import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from protocol_specs.node.store import Session
from protocol_specs.wire import keys, signing
from protocol_specs.wire.signing import KeyId
from protocol_specs.wire.timestamp import rfc3339
from registry import answers, lookups, records
from registry.answers import Answers
from registry.settings import Bounds, Policy
from tests.registry.participant import DAY_S, NOW, Desk, Pair, Participant, rows, subscribed
from tests.registry.world import until
from tests.support.peers import DELIVERIES, RIDES, Said


def assert_signed(desk: Desk, said: Said, body: bytes | None = None) -> None:
    header = signing.parse_header(said.headers["Signature"])
    assert header.key_id == KeyId("registry.example.org", "k1")
    now = int(desk.clock())
    assert (header.created, header.expires) == (now, now + 60)
    digest = signing.digest(said.body if body is None else body)
    signing.verify_header(header, digest, desk.public)


async def test_every_answer_is_signed_with_the_registrys_key(tmp_path: Path) -> None:
    async with subscribed(tmp_path) as who:
        d = who.desk
        for said in (
            await d.post("/lookup", {"subscriber_id": who.subscriber_id}),
            await d.post("/lookup", {"subscriber_id": "nobody.example.org"}),
            await d.post("/lookup", {"status": "UNDER_SUBSCRIPTION", "subscriber_id": "nobody"}),
            await d.get("/snapshot"),
            await d.get("/changes"),
            await d.post("/vlookup", question(who)),
        ):
            assert said.status == 200, said.body
            assert_signed(d, said)
        d.clock.at += 61  # the same answer, kept, is signed anew
        assert_signed(d, await d.post("/lookup", {"subscriber_id": who.subscriber_id}))


async def test_a_record_is_written_in_every_spelling(tmp_path: Path) -> None:
    async with subscribed(tmp_path) as who:
        [record] = await who.records()
        for names in (
            ("url", "subscriber_url"),
            ("key_id", "unique_key_id", "ukId", "pub_key_id"),
            ("encr_public_key", "encryption_public_key"),
        ):
            assert len({record[name] for name in names}) == 1
        assert record["city"] == "std:03,std:04"
        assert record["city_code"] == ["std:03", "std:04"]
        assert record["location"] == {"city": {"code": "std:03"}, "country": {"code": "MYS"}}


@pytest.mark.parametrize(
    "filters",
    [
        {"ukId": "k1"},
        {"ukid": "k1"},
        {"pub_key_id": "k1"},
        {"unique_key_id": "k1"},
        {"city": "std:04"},
        {"city_code": ["std:04"]},
        {"location": {"city": {"code": "std:04"}, "country": {"code": "MYS"}}},
        {"type": "sellerApp"},
        {"country": "MYS", "domain": RIDES, "type": "BPP", "city": "*"},
    ],
)
async def test_a_question_is_read_in_every_spelling(
    tmp_path: Path, filters: dict[str, Any]
) -> None:
    async with subscribed(tmp_path) as who:
        assert len(await who.desk.lookup(**filters)) == 1
        other = {"k1": "k2", "std:04": "std:99", "sellerApp": "buyerApp", "MYS": "IND"}
        text = json.dumps(filters)
        for mine, theirs in other.items():
            text = text.replace(f'"{mine}"', f'"{theirs}"')
        assert await who.desk.lookup(**json.loads(text)) == []


@pytest.mark.parametrize(
    ("filters", "path"),
    [
        ({"city": "std:03,std:04"}, "/city"),
        ({"city": ["std:03", "std:04"]}, "/city"),
        ({"key_id": 7}, "/key_id"),
        ({"status": "KING"}, "/status"),
        ({"status": "EXPIRED"}, "/subscriber_id"),
        ({"location": {"city": {"code": None}}}, "/location/city/code"),
    ],
)
async def test_a_question_that_means_nothing_is_refused_by_its_field(
    tmp_path: Path, filters: dict[str, Any], path: str
) -> None:
    async with subscribed(tmp_path) as who:
        said = await who.desk.post("/lookup", filters)
        assert (said.status, said.json["error"]["paths"]) == (400, path)


async def test_a_kept_answer_is_never_older_than_the_directory(tmp_path: Path) -> None:
    async with subscribed(tmp_path) as who:
        assert len(await who.records()) == 1
        await who.desk.decide(who.subscriber_id, "suspend", reason="complaints")
        assert await who.records() == []
        await who.desk.decide(who.subscriber_id, "reinstate")
        assert len(await who.records()) == 1
        who.desk.clock.at = NOW + 31 * DAY_S  # its key has ended, and nobody changed anything
        assert await who.records() == []
        assert (await who.desk.get("/snapshot")).json["records"] == []


# The snapshot


async def test_a_snapshot_holds_who_can_be_trusted_now_in_these_domains(tmp_path: Path) -> None:
    async with subscribed(tmp_path) as who:
        said = await who.desk.get(f"/snapshot?domain={RIDES}")
        document = said.json
        array = said.body[said.body.index(b'"records":') + 10 : -1]
        stated = hashlib.sha256(b"300" + array).hexdigest()
        assert said.headers["ETag"] == f'"{stated[:40]}"'
        assert document["registry"] == "registry.example.org"
        assert document["issued_at"] == rfc3339(NOW * 1000)
        assert document["max_age_s"] == 300
        assert document["sequence"] == (await who.desk.log())[-1]["sequence"]
        assert document["records"] == await who.records()
        assert (await who.desk.get(f"/snapshot?domain={DELIVERIES}")).json["records"] == []
        assert len((await who.desk.get("/snapshot")).json["records"]) == 1
        who.pairs["k2"] = Pair("k2")
        await who.apply("k2", signed_with="k1")

        async def both() -> bool:
            found = (await who.desk.get("/snapshot")).json["records"]
            return [record["key_id"] for record in found] == ["k1", "k2"]

        await until(both)
        await who.desk.decide(who.subscriber_id, "suspend", reason="complaints")
        assert (await who.desk.get("/snapshot")).json["records"] == []


async def test_an_unchanged_snapshot_is_confirmed_by_a_signed_304(tmp_path: Path) -> None:
    async with subscribed(tmp_path) as who:
        path = f"/snapshot?domain={RIDES}"
        etag = (await who.desk.get(path)).headers["ETag"]
        who.desk.clock.at += 30
        said = await who.desk.get(path, **{"If-None-Match": f'"older", {etag}'})
        assert (said.status, said.body, said.headers["ETag"]) == (304, b"", etag)
        assert_signed(who.desk, said, etag.encode())
        await who.desk.decide(who.subscriber_id, "suspend", reason="complaints")
        said = await who.desk.get(path, **{"If-None-Match": etag})
        assert said.status == 200
        assert said.headers["ETag"] != etag


async def test_what_changes_elsewhere_leaves_a_snapshot_as_it_is(tmp_path: Path) -> None:
    async with subscribed(tmp_path) as who:
        path = f"/snapshot?domain={DELIVERIES}"
        etag = (await who.desk.get(path)).headers["ETag"]
        await who.desk.decide(who.subscriber_id, "suspend", reason="complaints")
        assert (await who.desk.get(path, **{"If-None-Match": etag})).status == 304


async def test_a_snapshot_states_the_networks_policy_and_changes_with_it(tmp_path: Path) -> None:
    policy = Policy(automatic=("BPP",), snapshot_max_age_s=900)
    async with subscribed(tmp_path, policy=policy) as who:
        said = await who.desk.get("/snapshot")
        assert said.json["max_age_s"] == 900


async def test_a_snapshot_is_not_made_of_more_records_than_the_bound(tmp_path: Path) -> None:
    async with subscribed(tmp_path, bounds=Bounds(snapshot_records_max=1)) as who:
        assert (await who.desk.get("/snapshot")).status == 200
        await who.apply("k1", domain=DELIVERIES)

        async def added() -> bool:
            return len(await who.records()) == 2

        await until(added)
        assert (await who.desk.get("/snapshot")).status == 413
        assert (await who.desk.get(f"/snapshot?domain={RIDES}")).status == 200


async def test_a_domain_is_made_once_however_domains_are_combined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    record = records.record
    monkeypatch.setattr(
        records, "record", lambda row, now: made.append(row["domain"]) or record(row, now)
    )
    async with subscribed(tmp_path) as who:
        await who.apply("k1", domain=DELIVERIES, city="std:05")

        async def both() -> bool:
            return len(await who.records()) == 2

        await until(both)
        made.clear()
        asked = [(RIDES,), (DELIVERIES,), (RIDES, DELIVERIES), (DELIVERIES, RIDES), ()]
        said = [
            await who.desk.get("/snapshot?" + "&".join(f"domain={name}" for name in names))
            for names in asked
        ]
        assert sorted(made) == sorted([RIDES, DELIVERIES])
        found = [{record["domain"] for record in one.json["records"]} for one in said]
        assert found == [set(names) or {RIDES, DELIVERIES} for names in asked]
        tags = [one.headers["ETag"] for one in said]
        assert (len(set(tags)), tags[2:]) == (3, [tags[2]] * 3)


async def test_who_makes_the_registry_find_many_may_ask_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "ROWS_OF_ONE", 0.5)
    async with subscribed(tmp_path, bounds=Bounds(lookup_per_s=2)) as who:
        d = who.desk
        d.clock.at += 60
        assert (await d.post("/lookup", {"city": "std:03"})).status == 200  # 1, and 2 for finding
        assert (await d.post("/lookup", {"city": "std:03"})).status == 200  # 1
        said = await d.post("/lookup", {"city": "std:03"})
        assert (said.status, said.headers["Retry-After"]) == (429, "1")
        d.clock.at += 1
        for _ in range(2):
            assert (await d.post("/lookup", {"city": "std:03"})).status == 200


async def test_snapshots_are_paced_for_each_address(tmp_path: Path) -> None:
    async with subscribed(tmp_path, bounds=Bounds(snapshot_per_s=1)) as who:
        said = [(await who.desk.get("/snapshot")).status for _ in range(5)]
        assert said == [200, 200, 200, 200, 429]


# ONDC's /vlookup


def question(who: Participant, *, key: Pair | None = None, **changes: Any) -> dict[str, Any]:
    """A good one, signed over its parameters; `changes` come after the signature."""
    parameters = {
        "country": "MYS",
        "domain": RIDES,
        "type": "sellerApp",
        "city": "std:03",
        "subscriber_id": who.subscriber_id,
    }
    parameters = changes.pop("sign", parameters)
    signer = (key or who.pairs["k1"]).signing
    text = "|".join(parameters.values()).encode()
    return {
        "sender_subscriber_id": who.subscriber_id,
        "request_id": str(uuid.uuid4()),
        "timestamp": rfc3339(int(who.desk.clock()) * 1000),
        "search_parameters": parameters,
        "signature": base64.b64encode(signer.sign(text)).decode(),
    } | changes


async def test_a_vlookup_by_who_takes_part_is_answered_in_ondcs_words(tmp_path: Path) -> None:
    async with subscribed(tmp_path) as who:
        [found] = rows(await who.desk.post("/vlookup", question(who)))
        assert (found["type"], found["subscriber_id"]) == ("sellerApp", who.subscriber_id)
        some = {"domain": RIDES, "type": "sellerApp"}
        [found] = rows(await who.desk.post("/vlookup", question(who, sign=some)))
        assert found["subscriber_id"] == who.subscriber_id
        none = {"domain": RIDES, "type": "buyerApp"}
        assert rows(await who.desk.post("/vlookup", question(who, sign=none))) == []
        [plain] = await who.records()
        assert plain["type"] == "BPP"


async def test_a_vlookup_is_refused_unless_a_current_key_signed_these_parameters(
    tmp_path: Path,
) -> None:
    async with subscribed(tmp_path) as who:
        for wrong in (
            question(who, key=Pair("k1")),
            question(who, search_parameters={"domain": RIDES}),
            question(who, sender_subscriber_id="nobody.example.org"),
        ):
            assert (await who.desk.post("/vlookup", wrong)).status == 401
        await who.desk.decide(who.subscriber_id, "suspend", reason="complaints")
        assert (await who.desk.post("/vlookup", question(who))).status == 401


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"timestamp": rfc3339((NOW - 61) * 1000)}, "/timestamp"),
        ({"timestamp": rfc3339((NOW + 6) * 1000)}, "/timestamp"),
        ({"timestamp": "now"}, "/timestamp"),
        ({"request_id": ""}, "/request_id"),
        ({"signature": "not base64!"}, "/signature"),
        ({"search_parameters": []}, "/search_parameters"),
        ({"search_parameters": {"domain": "a|b"}}, "/search_parameters/domain"),
    ],
)
async def test_a_vlookup_names_the_field_at_fault(
    tmp_path: Path, changes: dict[str, Any], path: str
) -> None:
    async with subscribed(tmp_path) as who:
        said = await who.desk.post("/vlookup", question(who, **changes))
        assert (said.status, said.json["error"]["paths"]) == (400, path)


async def test_a_request_id_of_a_vlookup_is_good_once(tmp_path: Path) -> None:
    async with subscribed(tmp_path) as who:
        asked = question(who)
        assert (await who.desk.post("/vlookup", asked)).status == 200
        said = await who.desk.post("/vlookup", asked)
        assert (said.status, said.json["error"]["paths"]) == (400, "/request_id")


async def test_what_is_kept_of_answers_is_bounded_and_nothing_of_questions_about_nobody(
    tmp_path: Path,
) -> None:
    async with subscribed(tmp_path) as who:
        store = who.desk.node.store
        room = 10 * answers.KEPT_ENTRY_BYTES
        key = keys.generate_signing_key()
        kept = Answers(store, key, KeyId("r", "k"), kept_bytes_max=room)
        made: list[int] = []

        def ask(number: int, body: bytes) -> None:
            def make(session: Session) -> bytes:
                made.append(number)
                return body

            assert kept.get(("question", number), make, NOW).body == body

        for number in (*range(20), 19, 0):
            ask(number, b"[1]")
        assert made == [*range(20), 0]  # the newest was kept, the oldest was let go
        ask(99, b"[]")
        ask(99, b"[]")
        assert made[-2:] == [99, 99]
