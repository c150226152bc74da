"""The provider's settings: what they mean, and what is said at the start rather than later."""

import re
from pathlib import Path

import pytest

from bpp.fleet import roster
from bpp.orders.provider import Provider
from bpp.settings import BppSettings
from protocol_specs.node.settings import SettingsError, load, write_secret
from protocol_specs.wire import keys
from protocol_specs.wire.order import CancellationTerm, Kind, PaymentTerms, Reason, Support
from tests.bpp.cooperative import AT_PICKUP, cooperative, order_asked

GOOD = """
subscriber_id = "bpp.example.org"
unique_key_id = "k1"
url = "https://bpp.example.org"
port = 8080
data_dir = "data"
signing_key = "signing.key"
encryption_key = "encryption.key"
domains = ["nic2004:60221"]
cities = ["std:03"]
country = "MYS"
provider_id = "kl-taxi"
provider_name = "KL Taxi Cooperative"
kind = "ride"
currency = "MYR"
assignment = "offer"
drivers_csv = "drivers.csv"

[[service_area]]
lat = 3.139
lon = 101.6869
radius_m = 20000

[fares]
base = "3.00"
per_km = "0.70"

[fares.night]
multiplier = "1.5"
start = "00:00"
end = "06:00"
time_zone = "Asia/Kuala_Lumpur"

[[cancellation]]
state = "RIDE_ENROUTE_PICKUP"
fee = "2.00"

[[vehicles]]
registration = "WXY 1"
category = "CAB"

[[drivers]]
code = "D1"
name = "Aminah"
phone = "60123456789"
vehicle = "WXY 1"
"""
CSV = "code,name,phone,vehicle,category\nD2,Bala,60123456780,WXY 2,CAB\n"


def read(folder: Path, text: str = GOOD, csv: str = CSV) -> BppSettings:
    (folder / "drivers.csv").write_text(csv)
    (folder / "bpp.toml").write_text(text)
    return load(folder / "bpp.toml", BppSettings)


def test_settings_become_what_the_cooperative_publishes(tmp_path: Path) -> None:
    provider = read(tmp_path).provider(["CAB"])
    assert (provider.kind, provider.categories, provider.assignment) == (
        Kind.RIDE,
        ("CAB",),
        "offer",
    )
    assert provider.tariff.at(0).rates.base_minor == 300
    assert provider.payments == (
        PaymentTerms("BPP", "ON-FULFILLMENT"),
        PaymentTerms("BAP", "PRE-ORDER"),
    )
    assert provider.cancellation == (
        CancellationTerm("RIDE_ENROUTE_PICKUP", fee_minor=200, currency="MYR"),
    )


def test_drivers_come_from_the_settings_and_from_the_csv_file_beside_them(tmp_path: Path) -> None:
    roster = read(tmp_path).roster()
    assert [driver.code for driver in roster.drivers] == ["D1", "D2"]
    assert [vehicle.registration for vehicle in roster.vehicles] == ["WXY 1", "WXY 2"]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('per_km = "0.70"', "per_km = 0.70", "fares.per_km"),
        ('per_km = "0.70"', 'per_kilometre = "0.70"', "per_kilometre"),
        ('base = "3.00"', 'base = "3.001"', "finer than MYR"),
        ('base = "3.00"', "", "base and per_km are required"),
        ('currency = "MYR"', 'currency = "MYX"', "MYX"),
        ('"Asia/Kuala_Lumpur"', '"Asia/Atlantis"', "fares.night.time_zone"),
        ('start = "00:00"', 'start = "24:00"', "fares.night.start"),
        ('multiplier = "1.5"', 'multiplier = "0.5"', "fares.night.multiplier"),
        ('state = "RIDE_ENROUTE_PICKUP"', 'state = "RIDE_FLYING"', "RIDE_FLYING"),
        ('fee = "2.00"', 'fee = "2.00"\npercentage = "5"', "not both"),
        ('phone = "60123456789"', 'phone = "12"', "phone"),
        ('domains = ["nic2004:60221"]', "domains = []", "domains"),
        ('provider_id = "kl-taxi"', "", "provider_id"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named_before_the_start(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    assert old in GOOD
    with pytest.raises(SettingsError, match=named):
        read(tmp_path, GOOD.replace(old, new, 1))


def test_a_csv_file_with_faults_stops_the_start_with_its_lines(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="line 3"):
        read(tmp_path, csv=CSV + "D3,C\n").roster()


async def test_a_node_with_vehicles_and_no_drivers_yet_starts_and_offers_their_categories(
    tmp_path: Path,
) -> None:
    vehicles = (
        {"registration": "W 1", "category": "CAB"},
        {"registration": "W 2", "category": "AUTO_RICKSHAW"},
        {"registration": "W 3", "category": "CAB"},
    )
    changes = {"categories": (), "vehicles": vehicles, "takes_orders_without_driver": False}
    async with cooperative(tmp_path, drivers=0, **changes) as there:
        assert await there.desk("GET", "drivers") == (200, {"drivers": []})
        driver = {"code": "D1", "name": "Aminah", "phone": "60123456789", "vehicle": "W 1"}
        _, added = await there.desk("POST", "drivers", driver)
        bearer = {"Authorization": f"Bearer {added['token']}"}
        online = {"online": True, **AT_PICKUP}
        assert (await there.call("POST", "/driver/online", online, bearer))[0] == 200
        stops = order_asked()["order"]["fulfillments"][0]["stops"]
        found = await there.ask("search", {"intent": {"fulfillment": {"stops": stops}}})
        (provider,) = found["message"]["catalog"]["providers"]
        assert [item["id"] for item in provider["items"]] == ["ride-cab"]
        assert there.node.store.read(roster.categories) == ["AUTO_RICKSHAW", "CAB"]


def test_a_cooperative_without_any_vehicle_must_say_what_it_offers(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"categories: .* list \[\[vehicles\]\]"):
        read(tmp_path).provider([])


INSURED = """
[insurance]
schemes = ["my.act872.gig"]
allow_unverified = true
commission_rate = "0.15"
ledger_key = "ledger.key"
witness = "elsewhere/heads.jsonl"

[insurance.liable_party."my.act872.gig"]
party = "bpp"
source = "Act 872 s.83"

[insurance.mandates]
"my.act872.gig" = "signed mandates, cooperative's office"
"""


def test_what_the_start_would_accept_passes_the_check(tmp_path: Path) -> None:
    write_secret(tmp_path / "ledger.key", keys.b64encode(keys.generate_signing_key().seed))
    read(tmp_path, GOOD + INSURED).check()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("allow_unverified = true", "", "insurance.schemes: my.act872.gig is not verified"),
        ('"my.act872.gig" = "signed', '"my.act872.gig" = "" # ', "insurance.mandates: "),
        ("ledger.key", "none.key", "wayfare ledger keygen --out"),
        (
            "elsewhere/heads",
            "data/heads",
            "insurance.witness: .* inside the data folder.*another disk",
        ),
        ("drivers.csv", "none.csv", "drivers_csv: .*none.csv: No such file"),
    ],
)
def test_what_the_start_would_refuse_is_said_by_the_check(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    write_secret(tmp_path / "ledger.key", keys.b64encode(keys.generate_signing_key().seed))
    settings = read(tmp_path, (GOOD + INSURED).replace(old, new))
    with pytest.raises(SettingsError, match=words):
        settings.check()


WEBHOOK = '{ by = "webhook", url = "https://sms.example/send", token = "sms.token" }'


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        ('{ by = "print" }', r"web\.codes\.by.* in production codes go out by 'webhook'; name it"),
        (WEBHOOK, r"sms\.token .* does not exist\. Write the token there"),
    ],
)
def test_pages_whose_codes_would_reach_nobody_are_refused_by_the_check(
    tmp_path: Path, codes: str, words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        read(tmp_path, f"{GOOD}\n[web]\ncodes = {codes}\n").check()


def published(folder: Path, *more: str) -> Provider:
    """What a cooperative with these settings beside the good ones publishes."""
    top = [part for part in more if not part.lstrip().startswith("[")]
    tables = [part for part in more if part.lstrip().startswith("[")]
    return read(folder, "\n".join(top) + "\n" + GOOD + "\n".join(tables)).provider(["CAB"])


def test_what_is_not_said_has_its_usual_value(tmp_path: Path) -> None:
    provider = published(tmp_path)
    assert (provider.open_s, provider.no_driver_reason) == (900, "011")
    assert [reason.id for reason in provider.cancellation_reasons] == [f"00{n}" for n in range(6)]
    assert (provider.rating_categories, provider.rating_max) == (("Order", "Agent"), 5)
    assert (provider.terms, provider.form, provider.support) == (None, None, None)


def test_terms_form_contact_and_reasons_are_published_as_they_are_set(tmp_path: Path) -> None:
    provider = published(
        tmp_path,
        'cancellation_reasons = [{ id = "X1", text = "Changed my mind" }]',
        'rating_categories = ["Provider"]\nrating_max = 10',
        '[terms]\nfinder_fee_percentage = "2.5"',
        '[support]\nphone = "+60312345678"',
        '[form]\ntitle = "F"\nfields = [{ name = "a", label = "A" }]',
    )
    assert provider.cancellation_reasons == (Reason("X1", "Changed my mind"),)
    assert (provider.rating_categories, provider.rating_max) == (("Provider",), 10)
    assert provider.terms is not None
    assert provider.terms.finder_fee_percentage == "2.5"
    assert provider.support == Support(phone="+60312345678")
    assert provider.form is not None
    assert (provider.form.step, provider.form.url) == ("init", "https://bpp.example.org")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('[dialects]\n"ONDC:TRV10" = ["trv10-2.1.0"]', "ONDC:TRV10 is not among the domains"),
        ('[dialects]\n"nic2004:60221" = ["trv9"]', "trv9"),
        ('[terms]\nfinder_fee_percentage = "101"', "finder_fee_percentage"),
        ('[terms]\nsettlement_window = "soon"', "settlement_window"),
        ("[support]", "at least one"),
        ('[form]\ntitle = "F"\nfields = []', "fields"),
        (
            '[form]\ntitle = "F"\n'
            'fields = [{ name = "a", label = "A" }, { name = "a", label = "B" }]',
            "same name",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_at_the_start_by_its_key(
    tmp_path: Path, more: str, says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        published(tmp_path, more)


def test_a_domain_of_a_network_is_not_spoken_in_core_by_accident(tmp_path: Path) -> None:
    text = GOOD.replace('["nic2004:60221"]', '["ONDC:TRV10"]')
    with pytest.raises(SettingsError, match='dialects: say what is spoken in ONDC:TRV10: "ONDC:T'):
        read(tmp_path, text)
    meant = text + '\n[dialects]\n"ONDC:TRV10" = ["core-1.1"]'
    assert read(tmp_path, meant).dialects == {"ONDC:TRV10": ("core-1.1",)}


def test_the_examples_of_the_document_are_settings_that_a_node_takes(tmp_path: Path) -> None:
    document = (Path(__file__).parents[2] / "docs" / "cooperative.md").read_text()
    examples = re.findall(r"^```toml\n(.*?)^```", document, re.MULTILINE | re.DOTALL)
    assert len(examples) == 2
    without = GOOD.replace('domains = ["nic2004:60221"]\n', "")
    said = "\n".join(examples)
    top, rest = said.split("[dialects]", 1)
    settings = read(tmp_path, top + without + "[dialects]" + rest)
    assert settings.dialects == {"ONDC:TRV10": ("trv10-2.1.0", "trv10-2.0.1")}
    assert settings.form is not None
