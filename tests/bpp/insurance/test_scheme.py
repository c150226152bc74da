"""Packs are read strictly: a figure dated twice or a typo is refused with file and key."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from bpp.insurance.scheme_file import PACKS, SchemeError, load, load_pack
from bpp.insurance.settings import InsuranceSettings
from protocol_specs.node.settings import SettingsError
from tests.bpp.insurance.support import KA, MY

LIABLE = {"party": "bpp", "source": "the law"}


def changed(tmp_path: Path, name: str, old: str, new: str) -> Path:
    """A copy of a shipped pack with one thing changed."""
    text = (PACKS / f"{name}.toml").read_text()
    assert old in text
    path = tmp_path / f"{name}.toml"
    path.write_text(text.replace(old, new, 1))
    return path


@pytest.mark.parametrize("path", sorted(PACKS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_pack_is_sourced_and_says_what_is_not_verified(path: Path) -> None:
    pack = load(path.stem)
    assert pack.sources
    assert pack.unverified()  # neither institution has confirmed its pack yet


def test_malaysia_deducts_one_and_a_quarter_percent_from_the_worker() -> None:
    pack = load(MY)
    assert pack.rate_on(date(2026, 11, 22)).rate == Decimal("0.0125")
    assert (pack.borne_by, pack.rounding, pack.basis) == ("worker", "period", "consent")
    assert pack.period_cap_minor(date(2026, 11, 22)) is None
    assert pack.cover.mode == "registration"


def test_karnataka_is_a_fund_levy_that_the_platform_bears() -> None:
    pack = load(KA)
    assert (pack.kind, pack.borne_by, pack.rounding) == (
        "fund_levy",
        "cooperative",
        "transaction",
    )
    assert pack.cover.mode == "none"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('rounding = "period"', 'roundng = "period"', "did you mean 'rounding'"),
        ('rounding = "period"', "", "rounding"),
        ('rounding = "period"', 'rounding = "now and then"', "rounding"),
        ('rate = "0.0125"', "rate = 0.0125", "write figures as text"),
        ('rate = "0.0125"', 'rate = "-0.0125"', "rate"),
        ('rate = "0.0125"', 'rate = "NaN"', "rate"),
        ('rate = "0.0125"', 'rate = "1e3"', "rate"),
        ('rate = "0.0125"', 'rate = "0.01250001"', "6 decimals"),
        ('source = "minister"', 'source = "hearsay"', "no source 'hearsay'"),
        ("needs_worker = false", "needs_worker = 0", "needs_worker"),
        ('id = "my.act872.gig"', 'id = "my.other"', "stands in the file of"),
        ('out = [', 'out = ["BASE_FARE", ', "BASE_FARE both in and out"),
        ("[[rate]]", '[[rate]]\nfrom = 2025-12-31\nrate = "0.02"\nsource = "act"\n'
         "verified = false\n\n[[rate]]", "2025-12-31 stands twice"),
        ("[sources.", '[[period_cap]]\nfrom = 2026-02-10\namount = "13.10"\nsource = "act"\n'
         "verified = false\n\n[sources.", "first day of a period"),
    ],
)  # fmt: skip
def test_a_pack_with_one_thing_wrong_is_refused_by_file_and_key(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    with pytest.raises(SchemeError, match=says) as refused:
        load_pack(changed(tmp_path, MY, old, new))
    assert "my.act872.gig.toml" in str(refused.value)


def test_a_vehicle_in_two_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemeError, match="'CAB' is in two classes"):
        load_pack(changed(tmp_path, KA, '3W = ["AUTO_RICKSHAW"', '3W = ["CAB"'))


def test_a_cap_for_an_unknown_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemeError, match="'5W' is no class"):
        load_pack(changed(tmp_path, KA, '2W = "0.50"', '5W = "0.50"'))


def test_a_job_cap_dated_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemeError, match="logistics 2026-02-13 stands twice"):
        load_pack(changed(tmp_path, KA, 'sector = "ride"', 'sector = "logistics"'))


def test_an_unknown_scheme_is_refused_with_those_known() -> None:
    with pytest.raises(SchemeError, match=KA.replace(".", r"\.")):
        load("my.nothing")
    with pytest.raises(SchemeError, match="not the id"):
        load("../settings")


def test_a_new_figure_is_a_new_date_and_the_old_one_stays(tmp_path: Path) -> None:
    more = '[[rate]]\nfrom = 2027-01-01\nrate = "0.02"\nsource = "act"\nverified = true\n\n[[rate]]'
    pack = load_pack(changed(tmp_path, MY, "[[rate]]", more))
    assert pack.rate_on(date(2026, 12, 31)).rate == Decimal("0.0125")
    assert pack.rate_on(date(2027, 1, 1)).rate == Decimal("0.02")


def settings(**changes: object) -> InsuranceSettings:
    values: dict[str, object] = {
        "schemes": [MY],
        "allow_unverified": True,
        "liable_party": {MY: LIABLE},
        "mandates": {MY: "file 7"},
        "commission_rate": "0.20",
        "ledger_key": "ledger.key",
        "witness": "heads",
    }
    return InsuranceSettings.model_validate({**values, **changes})


def test_an_unverified_pack_runs_only_by_the_explicit_flag() -> None:
    assert [pack.id for pack in settings().load_schemes()] == [MY]
    with pytest.raises(SettingsError, match="allow_unverified = true"):
        settings(allow_unverified=False).load_schemes()


def test_a_scheme_by_consent_needs_mandates() -> None:
    with pytest.raises(SettingsError, match="mandates"):
        settings(mandates={}).load_schemes()


def test_a_scheme_the_cooperative_bears_needs_a_source_of_its_money() -> None:
    given = {"schemes": [KA], "liable_party": {KA: LIABLE}, "mandates": {}}
    with pytest.raises(SettingsError, match="funded_by"):
        settings(**given).load_schemes()
    assert settings(**given, funded_by={KA: "commission"}).load_schemes()


def test_an_option_a_scheme_does_not_leave_open_is_refused_with_those_it_does() -> None:
    assert settings(options={MY: {"cap": "plan"}}).load_schemes()
    with pytest.raises(SettingsError, match="no cap = 'none of it'; it takes none, plan"):
        settings(options={MY: {"cap": "none of it"}}).load_schemes()
    with pytest.raises(SettingsError, match="no unit_tier = 'early'; it takes no such option"):
        settings(options={MY: {"unit_tier": "early"}}).load_schemes()


def test_a_plan_bought_ahead_is_no_deduction_from_a_job() -> None:
    from bpp.insurance.extension import Insurance
    from protocol_specs.wire.keys import generate_signing_key

    name = "my.perkeso.act789"
    ours = settings(schemes=[MY, name], liable_party={MY: LIABLE, name: LIABLE})
    insurance = Insurance.of(ours, generate_signing_key(), "coop.example")
    assert [scheme.id for scheme in insurance.schemes] == [MY]


def test_a_scheme_nobody_is_liable_for_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody is liable"):
        settings(liable_party={})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"schemes": [MY, MY]}, "stands twice"),
        ({"mandates": {MY: "file 7", KA: "file 8"}}, "not in schemes"),
        ({"options": {KA: {}}}, "not in schemes"),
        ({"options": {MY: {"cop": "plan"}}}, "cop"),
        ({"commission_rate": 0.2}, "write a rate as text"),
        ({"commission_rate": "1.5"}, "between"),
        ({"comission_rate": "0.2"}, "Extra inputs"),
        ({"liable_party": {MY: {"party": "nobody", "source": "x"}}}, "party"),
    ],
)
def test_settings_with_one_thing_wrong_are_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        settings(**changes)


def test_a_scheme_the_buyers_app_owes_is_not_set_aside_here() -> None:
    from bpp.insurance.extension import Insurance
    from protocol_specs.wire.keys import generate_signing_key

    theirs = settings(liable_party={MY: {"party": "bap", "source": "the network's rules"}})
    insurance = Insurance.of(theirs, generate_signing_key(), "coop.example")
    assert insurance.schemes == ()
    assert MY not in insurance.keeper.terms.schemes
