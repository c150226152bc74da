"""A ride at the cooperative's real door, insured: tags, slips, books, commands."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from bpp import fares
from bpp.insurance import books, extension, wiring
from bpp.insurance.extension import RETRY_S_MAX
from bpp.insurance.settings import InsuranceSettings
from bpp.insurance.slip_check import check
from bpp.insurance.tables import LocalWorker
from bpp.ledger.witness import read
from bpp.orders import store
from bpp.settings import BppSettings
from bpp.tables import METADATA
from protocol_specs.node.commands import main
from protocol_specs.node.server import Node
from protocol_specs.node.settings import SettingsError, load, write_secret
from protocol_specs.node.store import Session, Statement
from protocol_specs.wire import tags
from protocol_specs.wire.keys import SigningKey, b64encode, generate_signing_key
from protocol_specs.wire.order import PriceLine
from protocol_specs.wire.parties import SubscriberType
from protocol_specs.wire.values import replace
from tests.bpp.cooperative import (
    AT_PICKUP,
    DEADLINE_S,
    STRICT,
    Cooperative,
    cooperative,
    order_asked,
    ride_settings,
)
from tests.bpp.factories import NOW, confirmed, office
from tests.bpp.insurance.support import KA, MY, fare_of, ka_coop, ka_story, my_coop
from tests.support.nodes import listening_socket, settings_of
from tests.support.peers import FakeDirectory

STEPS = ["accept", "enroute", "arrived", "start", "pickup", "arrived-drop", "end", "cancel"]
BODIES: dict[str, dict[str, Any]] = {
    "online": {"online": True, **AT_PICKUP},
    "position": AT_PICKUP,
    "start": {"code": "1234"},
    "pickup": {"code": "1234"},
    "end": {},
    "cancel": {"reason_id": "013"},
}
LOCAL_WORKER = Statement(select(LocalWorker.__table__))
CONFIG = """
subscriber_id = "bpp.example.org"
unique_key_id = "k1"
url = "http://127.0.0.1:1"
port = 0
data_dir = "data"
signing_key = "keys/signing.key"
encryption_key = "keys/encryption.key"
network = "development"
domains = ["nic2004:60221"]
provider_id = "kl-taxi"
provider_name = "KL Taxi Cooperative"
kind = "ride"
currency = "MYR"
categories = ["CAB"]
service_area = [{ lat = 3.139, lon = 101.6869, radius_m = 20000 }]
fares = { base = "3.00", per_km = "0.70" }

[insurance]
schemes = ["my.act872.gig"]
allow_unverified = true
commission_rate = "0.20"
ledger_key = "ledger.key"
witness = "elsewhere/heads.jsonl"
mandates = { "my.act872.gig" = "file 7" }

[insurance.liable_party."my.act872.gig"]
party = "bpp"
source = "Act 872 s.83"
"""


def insurance(folder: Path, **changes: Any) -> dict[str, Any]:
    """The [insurance] settings, and its key file."""
    return {
        "schemes": [MY],
        "allow_unverified": True,
        "commission_rate": "0.20",
        "ledger_key": folder / "ledger.key",
        "witness": folder / "elsewhere" / "heads.jsonl",
        "liable_party": {MY: {"party": "bpp", "source": "Act 872 s.83"}},
        "mandates": {MY: "file 7"},
        **changes,
    }


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    made = generate_signing_key()
    write_secret(tmp_path / "ledger.key", b64encode(made.seed))
    return made


@pytest.fixture
async def there(tmp_path: Path, key: SigningKey) -> AsyncIterator[Cooperative]:
    async with cooperative(tmp_path, insurance=insurance(tmp_path)) as running:
        yield running


async def until(there: Callable[[], bool]) -> None:
    """Asks again and again: the loops that seal and witness tell nobody when they are done."""
    async with asyncio.timeout(DEADLINE_S):
        while not there():  # noqa: ASYNC110 - a condition on disk, with a deadline
            await asyncio.sleep(0.02)


def contribution(order: dict[str, Any]) -> dict[str, str]:
    return tags.read(order["tags"])["@wayfare/contribution"]


async def a_ride(there: Cooperative) -> dict[str, Any]:
    """A cash ride from confirm to end; the order as it was confirmed."""
    await there.online("D1")
    order = await there.confirmed()
    code = order["fulfillments"][0]["stops"][0]["authorization"]["token"]
    for step, body in [
        ("enroute", None),
        ("arrived", None),
        ("start", {"code": code}),
        ("end", {}),
    ]:
        status, answer = await there.drive("D1", "POST", f"jobs/{order['id']}/{step}", body)
        assert status == 200, answer
    return order


async def dismiss(there: Cooperative, code: str) -> str:
    """The desk notes that this driver left; the agent_id."""
    _, answer = await there.desk("GET", "drivers")
    who: str = next(one["agent_id"] for one in answer["drivers"] if one["code"] == code)
    assert (await there.desk("POST", f"drivers/{who}/active", {"active": False}))[0] == 200
    return who


async def test_the_confirm_answers_with_what_was_set_aside(there: Cooperative) -> None:
    await there.online("D1")
    order = await there.confirmed()
    said = contribution(order)
    assert (said["STATUS"], said["SCHEME"], said["VERIFIED"]) == ("set_aside", MY, "false")
    assert said["SLIP_ID"]
    fare = float(order["quote"]["price"]["value"])
    assert abs(float(said["AMOUNT"]) - fare * 0.8 * 0.0125) < 0.01


async def test_before_the_confirm_a_contribution_is_an_estimate_and_after_it_no_longer(
    there: Cooperative,
) -> None:
    await there.online("D1")
    for action in ("select", "init"):
        reply = await there.ask(action, order_asked())
        said = contribution(reply["message"]["order"])
        assert (said["STATUS"], "SLIP_ID" in said) == ("estimate", False)
        STRICT.check_contribution_tags(reply["message"]["order"]["tags"])
    order = await there.confirmed()
    groups = [tag["descriptor"]["code"] for tag in order["tags"]]
    assert groups.count("@wayfare/contribution") == 1
    assert contribution(order)["STATUS"] == "set_aside"
    assert contribution(order)["AMOUNT"] == said["AMOUNT"]


async def test_what_could_not_be_set_aside_at_confirm_is_once_mended_and_the_peer_is_told(
    there: Cooperative, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("mended later")

    await there.online("D1")
    with monkeypatch.context() as patch:
        patch.setattr(extension, "project", broken)
        order = await there.confirmed()
        assert contribution(order) == {"STATUS": "pending"}
        assert (await there.drive("D1", "GET", "slips"))[1] == {"slips": []}
    there.clock.at += RETRY_S_MAX
    told = await there.bap.callback("on_status")
    said = contribution(told["message"]["order"])
    assert said["STATUS"] == "set_aside"
    shown = await there.ask("status", {"order_id": order["id"]})
    assert contribution(shown["message"]["order"]) == said
    _, answer = await there.drive("D1", "GET", "slips")
    assert [slip["slip_id"] for slip in answer["slips"]] == [said["SLIP_ID"]]


async def test_the_worker_gets_a_slip_that_anybody_can_check(
    there: Cooperative, key: SigningKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    order = await a_ride(there)
    _, answer = await there.drive("D1", "GET", "slips")
    newest = answer["slips"][0]
    assert (newest["order_id"], newest["state"]) == (order["id"], "final")
    assert newest["covered_from"] is None

    waiting = Statement(text("SELECT count(*) FROM unsealed"))
    await until(lambda: there.node.store.read(lambda s: s.all(waiting)[0][0]) == 0)
    status, found = await there.drive("D1", "GET", f"slips/{newest['slip_id']}")
    assert status == 200
    assert check(json.dumps(found).encode(), key.public).is_sealed
    path = tmp_path / "slip.json"
    path.write_text(json.dumps(found))
    public = b64encode(key.public)
    assert main(["slip", "verify", str(path), "--public-key", public, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["verified"], told["sealed"]) == (True, True)
    found["slip"]["order_line"]["amount_minor"] += 1
    path.write_text(json.dumps(found))
    assert main(["slip", "verify", str(path)]) == 1
    assert "signature" in capsys.readouterr().err


async def test_another_drivers_slip_is_not_found(there: Cooperative) -> None:
    await a_ride(there)
    _, answer = await there.drive("D1", "GET", "slips")
    slip_id = answer["slips"][0]["slip_id"]
    assert (await there.drive("D2", "GET", f"slips/{slip_id}"))[0] == 404
    assert (await there.drive("D2", "GET", "slips"))[1] == {"slips": []}
    assert (await there.call("GET", f"/driver/slips/{slip_id}", None, {}))[0] == 401


async def test_a_driver_who_left_still_reads_their_money_and_proof_and_does_nothing_else(
    there: Cooperative,
) -> None:
    order = await a_ride(there)
    _, earlier = await there.drive("D1", "GET", "slips")
    slip = f"slips/{earlier['slips'][0]['slip_id']}"
    theirs = {path: await there.drive("D1", "GET", path) for path in ("slips", slip, "balance")}
    await dismiss(there, "D1")
    for path, answer in theirs.items():
        assert answer[0] == 200
        assert await there.drive("D1", "GET", path) == answer
    before = there.books()
    for path in ("job", "offers", "earnings"):
        assert (await there.drive("D1", "GET", path))[0] == 401
    for path in ("online", "position", *(f"jobs/{order['id']}/{step}" for step in STEPS)):
        assert (await there.drive("D1", "POST", path, BODIES.get(path.split("/")[-1])))[0] == 401
    assert there.books() == before


async def test_whoever_left_reads_nothing_of_others_and_nothing_with_a_dead_token(
    there: Cooperative,
) -> None:
    await a_ride(there)
    _, answer = await there.drive("D1", "GET", "slips")
    slip_id = answer["slips"][0]["slip_id"]
    await dismiss(there, "D2")
    assert (await there.drive("D2", "GET", f"slips/{slip_id}"))[0] == 404
    assert (await there.drive("D2", "GET", "slips"))[1] == {"slips": []}
    who = await dismiss(there, "D1")
    _, renewed = await there.desk("POST", f"drivers/{who}/token")
    for path in ("slips", f"slips/{slip_id}", "balance"):
        assert (await there.drive("D1", "GET", path))[0] == 401
    headers = {"Authorization": f"Bearer {renewed['token']}"}
    assert await there.call("GET", "/driver/slips", None, headers) == (200, answer)


async def test_the_desk_sees_balances_and_strangers_do_not(there: Cooperative) -> None:
    await a_ride(there)
    status, answer = await there.desk("GET", "ledger/balances")
    assert status == 200
    assert {"1220", "2210", "4000"} <= {
        line["account"].split(":")[0] for line in answer["balances"]
    }
    assert (await there.call("GET", "/desk/ledger/balances", None, {}))[0] == 401


async def test_the_driver_sees_what_stands_in_the_books(there: Cooperative) -> None:
    await a_ride(there)
    status, answer = await there.drive("D1", "GET", "balance")
    assert status == 200
    assert answer["accounts"][0]["pay_minor"] == 0  # paid in cash, in the driver's hand
    assert answer["accounts"][0]["cash_owed_minor"] > 0


async def test_a_cancelled_ride_is_reversed_on_the_wire(there: Cooperative) -> None:
    await there.online("D1")
    order = await there.confirmed()
    reply = await there.ask("cancel", {"order_id": order["id"], "cancellation_reason_id": "001"})
    said = contribution(reply["message"]["order"])
    assert (said["STATUS"], said["AMOUNT"]) == ("reversed", "0.00")


async def test_a_fare_with_a_line_no_scheme_knows_is_refused_and_nothing_is_stored(
    there: Cooperative, monkeypatch: pytest.MonkeyPatch
) -> None:
    await there.online("D1")
    real = fares.quote
    monkeypatch.setattr(
        fares, "quote", lambda *given, **named: (*real(*given, **named), PriceLine("GLITTER", 1))
    )
    reply = await there.ask("init", order_asked())
    assert reply["error"]["code"] == "40003"
    assert "message" not in reply
    assert there.books()["quotes"] == []


async def test_ledger_commands_read_the_books_of_a_running_node(
    there: Cooperative, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await a_ride(there)
    config = tmp_path / "bpp.toml"
    config.write_text(CONFIG)
    heads = tmp_path / "elsewhere" / "heads.jsonl"

    def is_sealed() -> bool:
        report = run(capsys, "ledger", "verify", "--config", str(config), "--json")
        return (
            report["waiting"] == 0
            and heads.exists()
            and len(read(heads)) == report["sealed_blocks"]
        )

    await until(is_sealed)
    report = run(
        capsys, "ledger", "verify", "--config", str(config), "--witness", str(heads), "--json"
    )
    assert (report["verified"], report["balanced"], report["witnessed"]) == (True, True, True)
    assert report["entries"] >= 4
    balances = run(capsys, "ledger", "balances", "--config", str(config), "--json")
    assert any(line["account"] == "4000" and line["balance_minor"] > 0 for line in balances)
    agent_id = there.node.store.read(
        lambda session: session.one(LOCAL_WORKER)["agent_id"]  # type: ignore[index]  # it is there
    )
    lines = run(capsys, "ledger", "statement", "--config", str(config), agent_id, "--json")
    assert {line["kind"] for line in lines} == {"assigned", "completed"}
    assert main(["ledger", "verify", "--config", str(config)]) == 0
    assert "NOT checked" in capsys.readouterr().out
    assert main(["ledger", "statement", "--config", str(config), "nobody"]) == 1


async def test_a_confirmed_job_not_completed_in_time_is_named(there: Cooperative) -> None:
    await there.online("D1")
    order = await there.confirmed()
    key = there.order(order["id"]).key
    made_at = int(there.clock.at)
    late = there.node.store.read(lambda session: books.open_since(session, made_at + 1))
    assert late == [key]
    assert there.node.store.read(lambda session: books.open_since(session, made_at)) == []


async def test_a_job_that_is_late_by_more_than_48_hours_is_an_alarm_in_the_log(
    there: Cooperative, capsys: pytest.CaptureFixture[str]
) -> None:
    await there.online("D1")
    order = await there.confirmed()
    key = there.order(order["id"]).key
    alarms: list[dict[str, Any]] = []

    def is_alarmed() -> bool:
        said = (line for line in capsys.readouterr().err.splitlines() if line.startswith("{"))
        alarms.extend(line for line in map(json.loads, said) if line["event"] == "alarm")
        return bool(alarms)

    there.clock.at += 48 * 3600
    assert not is_alarmed()
    there.clock.at += 601
    await until(is_alarmed)
    assert (alarms[0]["what"], alarms[0]["orders"]) == ("job_not_completed", [key])


@pytest.mark.parametrize("planned_start", [NOW + 7 * 86_400, None])
def test_a_job_booked_ahead_is_late_only_after_its_planned_start(
    tmp_path: Path, planned_start: int | None
) -> None:
    coop = my_coop(tmp_path)
    decision = confirmed(office())
    order = replace(decision.order, planned_start=planned_start)

    def keep(session: Session) -> None:
        store.add_order(session, order)
        for event in decision.events:
            store.add_event(session, replace(event, planned_start=planned_start))

    coop.store.transact_now(keep)

    def late(before: int) -> list[str]:
        return coop.store.read(lambda session: books.open_since(session, before))

    begins = planned_start or NOW
    assert (late(begins), late(begins + 1)) == ([], [order.key])


def test_a_fee_that_all_commission_together_cannot_pay_is_named(tmp_path: Path) -> None:
    settings = InsuranceSettings.model_validate(insurance(tmp_path, **KARNATAKA))
    coop = ka_coop(tmp_path, commission_rate="0.005")
    story = ka_story(agent_id="a1", lines=fare_of(1000))
    coop.happen(story.event("confirmed"), story.event("completed"))
    assert coop.store.read(lambda session: wiring.unfunded(session, settings, "INR")) == [KA]
    funded = ka_coop(tmp_path / "funded")
    story = ka_story(agent_id="a1", lines=fare_of(1000))
    funded.happen(story.event("confirmed"), story.event("completed"))
    assert funded.store.read(lambda session: wiring.unfunded(session, settings, "INR")) == []


def run(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert main(list(words)) == 0
    return json.loads(capsys.readouterr().out)


def start(folder: Path, **changes: Any) -> None:
    """Puts insurance into a node, as its start does."""
    with listening_socket() as sock:
        given = ride_settings(insurance=insurance(folder, **changes))
        settings = settings_of(BppSettings, folder, sock, subscriber_id="bpp.example.org", **given)
    node = Node(settings, type=SubscriberType.BPP, metadata=METADATA, directory=FakeDirectory([]))
    try:
        assert settings.insurance is not None
        wiring.add(
            node,
            settings.insurance,
            provider=settings.provider(["CAB"]),
            driver_of=lambda request: "",
            require_desk=lambda request: None,
        )
    finally:
        node.store.close()


UNKNOWN = {
    "schemes": ["my.nothing"],
    "liable_party": {"my.nothing": {"party": "bpp", "source": "s.0"}},
    "mandates": {},
}
KARNATAKA = {
    "schemes": [KA],
    "liable_party": {KA: {"party": "bpp", "source": "s.20"}},
    "mandates": {},
    "funded_by": {KA: "commission"},
}


def test_a_node_with_nothing_wrong_in_its_insurance_starts(tmp_path: Path, key: SigningKey) -> None:
    start(tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"allow_unverified": False}, "allow_unverified"),
        ({"mandates": {}}, "mandates"),
        (KARNATAKA, "is in INR, this cooperative trades in MYR"),
        (UNKNOWN, "no such scheme"),
    ],
)
def test_a_node_with_one_thing_wrong_in_its_insurance_does_not_start(
    tmp_path: Path, key: SigningKey, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        start(tmp_path, **change)


PARTY = 'party = "bpp"'
RATE = 'commission_rate = "0.20"'


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (PARTY, 'party = "none"', "none claims is never paid"),
        (PARTY, 'party = ["bpp", "bap"]', "both claim is paid twice"),
        (PARTY, "", "party"),
        (CONFIG[CONFIG.index("[insurance.liable") :], "", "nobody is liable"),
        (RATE, f'{RATE}\ncash_debt_limit = "0.00"', "cash_debt_limit is above zero"),
        (RATE, f'{RATE}\ncash_debt_limit = "200.005"', "finer than MYR"),
        (RATE, f'{RATE}\ncash_debt_limit = "two hundred"', "not an amount"),
        (RATE, f"{RATE}\ncash_debt_limit = 200", "cash_debt_limit"),
    ],
)
def test_an_insurance_setting_that_makes_no_sense_is_named_before_the_start(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    path = tmp_path / "bpp.toml"
    path.write_text(CONFIG.replace(RATE, f'{RATE}\ncash_debt_limit = "200.00"'))
    assert load(path, BppSettings).insurance is not None
    path.write_text(CONFIG.replace(old, new, 1))
    with pytest.raises(SettingsError, match=says):
        load(path, BppSettings)


def test_a_witness_inside_the_data_folder_is_refused(tmp_path: Path, key: SigningKey) -> None:
    with pytest.raises(SettingsError, match="inside the data folder"):
        start(tmp_path, witness=tmp_path / "data" / "heads.jsonl")


def test_a_ledger_key_that_others_can_read_is_refused(tmp_path: Path, key: SigningKey) -> None:
    (tmp_path / "ledger.key").chmod(0o644)
    with pytest.raises(SettingsError, match="can be read by others"):
        start(tmp_path)


async def test_a_node_whose_books_are_older_than_its_witness_does_not_start(
    there: Cooperative, tmp_path: Path
) -> None:
    await there.online("D1")
    await there.confirmed()
    heads = tmp_path / "elsewhere" / "heads.jsonl"
    await until(lambda: heads.exists() and heads.stat().st_size > 0)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    (fresh / "ledger.key").write_bytes((tmp_path / "ledger.key").read_bytes())
    (fresh / "ledger.key").chmod(0o600)
    with pytest.raises(SettingsError, match="older backup was restored"):
        start(fresh, witness=heads)


def test_a_ledger_key_is_made_once_and_never_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "keys" / "ledger.key"
    assert main(["ledger", "keygen", "--out", str(path)]) == 0
    secret = path.read_text().strip()
    assert secret not in capsys.readouterr().out
    assert path.stat().st_mode & 0o777 == 0o600
    assert main(["ledger", "keygen", "--out", str(path)]) == 1
    assert path.read_text().strip() == secret
