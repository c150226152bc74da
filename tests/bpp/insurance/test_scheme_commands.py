"""`wayfare schemes`: sheets with every mark, strict checks that say what to do, cases compared."""

import json
from pathlib import Path
from typing import Any

import pytest

from bpp.insurance import scheme_sheet
from bpp.insurance.holidays import FOLDER
from bpp.insurance.scheme_file import PACKS, load, shipped
from protocol_specs.node.commands import main

CASES = {
    "vectors": [
        {"id": "a", "kind": "pct", "input": {"amount": "8.00", "rate": "0.2"},
         "expect": {"due": "1.60"}},
        {"id": "b", "kind": "cpf_ladder", "input": {"medisave_rate": "9", "year": 2027},
         "expect": {"worker": "16.5", "operator": "10.5"}},
    ]
}  # fmt: skip


def run(*words: object) -> int:
    return main(["schemes", *map(str, words)])


def test_all_seven_schemes_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(shipped())
    assert len(lines) == 7
    assert run("list", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["id"] for each in found] == list(shipped())
    assert not any(each["verified"] for each in found)


@pytest.mark.parametrize("name", shipped())
def test_a_sheet_has_who_payer_due_cover_and_a_source_day_and_mark_for_each_figure(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("show", name, "--json") == 0
    sheet = json.loads(capsys.readouterr().out)
    topics = {fact["topic"] for fact in sheet["facts"]}
    assert {"who", "payer", "due", "cover", "rounding"} <= topics
    for fact in sheet["facts"]:
        if "source" in fact:
            assert fact["checked_on"] == "2026-11-22"
            assert fact["seen"]
            assert fact["verified"] is False
    said = [fact["says"] for fact in sheet["facts"] if fact["topic"] == "open"]
    assert tuple(said) == load(name).open
    assert said  # none of them is without a question yet


@pytest.mark.parametrize("name", shipped())
def test_a_sheet_for_people_says_not_verified_and_asks_every_open_question(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("show", name) == 0
    text = capsys.readouterr().out
    assert "NOT VERIFIED by the institution" in text.splitlines()[0]
    for what in load(name).open:
        assert what in text


def test_karnatakas_sheet_is_of_a_fee_with_caps_by_sector_and_vehicle() -> None:
    text = "\n".join(scheme_sheet.lines(load("in.karnataka.pbgw2025")))
    for words in ("a fee, never cover", "1 % of the base", "ride: at most 2W 0.50, 3W 0.75",
                  "5 working days after the period", "12 % a year, simple"):  # fmt: skip
        assert words in text


def test_every_shipped_file_is_found_to_hold(capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted([*PACKS.glob("*.toml"), *FOLDER.glob("*.toml")])
    assert run("check", *files) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(files) == 9


# Which file, what stands there, what it is changed to, and what the refusal must say.
FAULTS = [
    ("my.act872.gig", 'rate = "0.0125"', 'rte = "0.0125"', "did you mean 'rate'"),
    ("my.act872.gig", 'form = "percent"', 'form = "per cent"', "key 'form'"),
    ("my.act872.gig", 'form = "percent"', 'form = "flat"', "'flat': no figure; the form"),
    ("my.act872.gig", 'cap = ["none", "plan"]', 'cpa = ["none", "plan"]', "options"),
    ("my.act872.gig", 'plans_of = "my.perkeso.act789"', 'plans_of = "my.nothing"', "my.nothing"),
    ("my.perkeso.act789", 'name = "2"', 'name = "1"', "1 2017-06-01 stands twice"),
    ("my.perkeso.act789", 'insured = "1050"', "insured = 1050", "write figures as text"),
    ("in.karnataka.pbgw2025", '"ADD_ONS", "BASE_FARE"', '"TIP", "BASE_FARE"', "TIP both in and"),
    ("in.karnataka.pbgw2025", 'amounts = { 2W = "0.50"', 'amounts = { 9W = "0.50"',
     "'9W' is no class of 'vehicle_classes'; list it there first"),
    ("sg.cpf.platform", "from = 2026-01-01\nworker_add", "from = 2025-01-01\nworker_add",
     "key 'ladder': 2025-01-01 stands twice; a figure has one value a day"),
    ("sg.cpf.platform", "from = 2026-01-01\nworker_add", "from = 2026-01-02\nworker_add",
     "2026-01-02 is not the first day of a period; that one began on 2026-01-01"),
    ("sg.cpf.platform", 'borne_by = "both"', 'borne_by = "worker"', "does not go with the form"),
    ("sg.cpf.platform", 'car = "0.60"', 'cart = "0.60"', "'cart' is no class"),
    ("cn.occupational-injury", 'tier = "early"', 'tier = "erly"', "tier 'erly' is no value"),
    ("cn.occupational-injury", "checked_on = 2026-11-22", "", "checked_on"),
    ("cn.occupational-injury", 'seen = "law"', 'seen = "hearsay"', "seen"),
    ("id.bpu", "until = 2027-03-31", "until = 2025-03-31", "before it begins"),
    ("id.bpu", "[[discount]]", '[[rate]]\nfrom = 2025-01-01\nrate = "0.1"\nsource = "press"\n'
     "verified = false\n\n[[discount]]", "has no use for it; take it out"),
    ("id.bpu", 'source = "memory"', 'source = "rumour"', "no source 'rumour'; add it"),
    ("in.code2020.s114", 'rule = "day_of_year"', 'rule = "in_june"', "rule"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "says"), FAULTS)
def test_a_rule_file_with_one_thing_wrong_is_refused_by_file_and_key(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    old: str,
    new: str,
    says: str,
) -> None:
    text = (PACKS / f"{name}.toml").read_text()
    assert old in text
    path = tmp_path / f"{name}.toml"
    path.write_text(text.replace(old, new, 1))
    assert run("check", path) == 1
    told = capsys.readouterr()
    assert str(path) in told.err
    assert says in told.err
    assert told.out == ""
    assert run("check", path, "--json") == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert found["holds"] is False
    assert says in found["error"]


def test_a_plan_may_not_stand_in_two_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "my.act872.gig.toml"
    plan = '\n[[plan]]\nfrom = 2017-06-01\nname = "1"\ninsured = "1050"\nsource = "act"\n'
    path.write_text((PACKS / path.name).read_text() + plan + "verified = false\n")
    assert run("check", path) == 1
    assert "it stands in my.perkeso.act789; take it out" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["my.nothing", "../settings", "nowhere/x.toml"])
def test_an_unknown_scheme_has_no_sheet(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", name) == 1
    assert "wayfare: " in capsys.readouterr().err


def written(tmp_path: Path, cases: Any) -> Path:
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(cases))
    return path


def test_cases_that_are_right_end_with_zero(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("run", written(tmp_path, CASES)) == 0
    assert capsys.readouterr().out == "2 cases of 2 kinds, 0 wrong\n"


def test_a_wrong_case_is_printed_with_both_answers_and_ends_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = json.loads(json.dumps(CASES).replace("1.60", "1.61"))
    assert run("run", written(tmp_path, wrong)) == 1
    assert capsys.readouterr().out.splitlines()[0] == (
        'MISMATCH a (pct): expected {"due": "1.61"}, got {"due": "1.60"}'
    )
    assert run("run", written(tmp_path, wrong), "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["cases"] == 2
    assert found["kinds"] == {"cpf_ladder": 1, "pct": 1}
    assert found["wrong"] == [
        {"id": "a", "kind": "pct", "expected": {"due": "1.61"}, "got": {"due": "1.60"}}
    ]


def test_a_file_without_cases_ends_with_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("run", tmp_path / "missing.json") == 2
    assert run("run", written(tmp_path, {"vectors": []})) == 2
    assert capsys.readouterr().out == ""
