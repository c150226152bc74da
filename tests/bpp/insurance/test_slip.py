"""A slip proves that an amount was set aside, to anybody, offline; and says no more than that."""

import copy
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bpp.insurance import cash, reading
from bpp.insurance.cash import Limit
from bpp.insurance.scheme_file import load
from bpp.insurance.slip_check import BadSlip, Verdict, check
from protocol_specs.node.commands import main
from protocol_specs.wire.canonical import canonical
from protocol_specs.wire.keys import b64encode, generate_signing_key
from protocol_specs.wire.order import PaymentTerms
from protocol_specs.wire.values import replace
from tests.bpp.insurance.slip_files import Document, seal, slips
from tests.bpp.insurance.support import (
    CARD,
    CASH,
    MY,
    NOON,
    Coop,
    Story,
    fare_of,
    ka_coop,
    ka_story,
    my_coop,
)


@pytest.fixture
def coop(tmp_path: Path) -> Coop:
    return my_coop(tmp_path)


def checked(file: Document, key: bytes | None = None) -> Verdict:
    return check(json.dumps(file).encode(), key)


def test_a_slip_is_signed_at_once_and_provisional_with_its_proof_pending(coop: Coop) -> None:
    coop.happen(Story(agent_id="a1").event("confirmed"))
    (file,) = slips(coop, "a1")
    verdict = checked(file, coop.key.public)
    assert (verdict.slip.state, verdict.proof) == ("provisional", "pending")
    assert verdict.slip.order_line.amount_minor == 20
    assert file["proof"] == "pending"


def test_once_sealed_it_carries_its_proof(coop: Coop) -> None:
    coop.happen(Story(agent_id="a1").event("confirmed"))
    seal(coop)
    (file,) = slips(coop, "a1")
    assert checked(file, coop.key.public).is_sealed


def test_the_final_slip_supersedes_the_provisional_one(coop: Coop) -> None:
    story = Story(agent_id="a1")
    coop.happen(story.event("confirmed"), story.event("completed"))
    final, provisional = slips(coop, "a1")
    assert (final["slip"]["state"], provisional["slip"]["state"]) == ("final", "provisional")
    assert final["slip"]["supersedes"] == provisional["slip"]["slip_id"]
    listed = coop.store.read(lambda session: reading.slips_of(session, "a1"))
    assert [line["superseded_by"] for line in listed] == [None, final["slip"]["slip_id"]]


def test_it_never_says_covered(coop: Coop) -> None:
    story = Story(agent_id="a1")
    coop.happen(story.event("confirmed"), story.event("completed"))
    for file in slips(coop, "a1"):
        assert file["slip"]["covered_from"] is None
        assert file["slip"]["says"] == "Set aside; cover not confirmed by PERKESO."
        assert file["slip"]["scheme"]["verified"] is False


def test_a_fund_levys_slip_is_a_fee_slip(tmp_path: Path) -> None:
    coop = ka_coop(tmp_path)
    story = ka_story(agent_id="a1")
    coop.happen(story.event("confirmed"), story.event("completed"))
    file, _ = slips(coop, "a1")
    assert file["slip"]["kind"] == "fee_slip"
    assert file["slip"]["says"].endswith("A fee is not cover.")
    assert file["slip"]["money_is"] == "set_aside"
    assert checked(file).slip.state == "final"


@pytest.mark.parametrize(
    ("payment", "where"), [(CARD, "taken_from_pay"), (CASH, "advanced_by_cooperative")]
)
def test_it_says_where_the_money_is(coop: Coop, payment: PaymentTerms, where: str) -> None:
    story = Story(agent_id="a1", payment=payment)
    coop.happen(story.event("confirmed"), story.event("completed"))
    final, provisional = slips(coop, "a1")
    assert provisional["slip"]["money_is"] == "set_aside"
    assert final["slip"]["money_is"] == where


def test_what_was_advanced_is_paid_in_once_no_fare_cash_is_owed(coop: Coop) -> None:
    story = Story(key="o1", agent_id="a1", payment=CASH)
    coop.happen(story.event("confirmed"), story.event("completed"))

    def where() -> tuple[str, str]:
        told = coop.store.read(lambda session: reading.slips_of(session, "a1"))
        newest = next(each for each in told if each["state"] == "final")
        return newest["money_is"], newest["money_is_now"]

    limit = Limit(None, "MYR")
    worker = coop.local("a1")
    for reference, minor, now in [("r1", 400, "advanced_by_cooperative"), ("r2", 20, "paid_in")]:
        coop.store.transact_now(
            lambda session, r=reference, m=minor: cash.pay_in(session, limit, worker, m, r, NOON)
        )
        assert where() == ("advanced_by_cooperative", now)


def test_it_shows_the_order_line_and_the_period_line(coop: Coop) -> None:
    posted = []
    for n in range(4):
        story = Story(key=f"o{n}", agent_id="a1", lines=fare_of(875), at=NOON + n)  # base 7.00
        coop.happen(story.event("confirmed"))
        slip = slips(coop, "a1")[0]["slip"]
        posted.append((slip["order_line"]["posted_minor"], slip["period_line"]["posted_minor"]))
    assert posted == [(9, 0), (9, 0), (9, -1), (9, 0)]  # 0.0875 each: 0.35 in all, and not 0.36
    newest = slips(coop, "a1")[0]["slip"]
    assert newest["period_line"]["exact_sum"] == "35"
    assert newest["period_line"]["total_minor"] == 35
    for file in slips(coop, "a1"):
        checked(file, coop.key.public)


@pytest.mark.parametrize(
    ("fare", "reason"), [(10, "rounding"), (0, "below_floor")], ids=["rounding", "nothing earned"]
)
def test_a_slip_of_nothing_says_why(coop: Coop, fare: int, reason: str) -> None:
    coop.happen(Story(agent_id="a1", lines=fare_of(fare)).event("confirmed"))
    (file,) = slips(coop, "a1")
    assert file["slip"]["reason"] == reason
    checked(file)


def test_a_capped_slip_says_the_cap(tmp_path: Path) -> None:
    from datetime import date
    from decimal import Decimal

    from bpp.insurance.figures import PeriodCap

    cap = PeriodCap(
        amount="0.20",  # type: ignore[arg-type]  # text, as the file has it
        source="act",
        verified=False,
        **{"from": date(2026, 1, 1)},  # type: ignore[arg-type]  # the file's key
    )
    coop = Coop(tmp_path, (replace(load(MY), period_cap=(cap,)),))
    for n in range(2):
        coop.happen(Story(key=f"o{n}", agent_id="a1").event("confirmed"))
    file = slips(coop, "a1")[0]
    assert file["slip"]["reason"] == "cap"
    assert file["slip"]["period_line"]["cap"] == {
        "amount_minor": 20,
        "from": "2026-01-01",
        "source": load(MY).sources["act"].text,
        "verified": False,
    }
    assert cap.amount == Decimal("0.20")
    checked(file, coop.key.public)


def test_cancelled_and_reassigned_slips_are_final_and_say_so(coop: Coop) -> None:
    story = Story(agent_id="a1")
    coop.happen(story.event("confirmed"), story.event("reassigned", agent_id="a2"))
    coop.happen(story.event("cancelled"))
    assert slips(coop, "a1")[0]["slip"]["reason"] == "reassigned"
    assert slips(coop, "a2")[0]["slip"]["reason"] == "cancelled"
    for agent_id in ("a1", "a2"):
        file = slips(coop, agent_id)[0]
        assert checked(file).slip.state == "final"
        assert file["slip"]["order_line"]["amount_minor"] == 0


def test_every_slip_of_a_long_story_holds(coop: Coop) -> None:
    story = Story(agent_id="a1")
    coop.happen(
        story.event("confirmed"),
        story.event("reassigned", agent_id="a2"),
        story.event("fare_changed", lines=fare_of(3333)),
        story.event("completed", tip_minor=100),
        story.event("refunded", refund_minor=999, refund_borne_by="worker"),
        story.event("refunded", refund_minor=50, refund_borne_by="cooperative"),
    )
    seal(coop)
    files = [*slips(coop, "a1"), *slips(coop, "a2")]
    assert len(files) == 7
    assert all(checked(file, coop.key.public).is_sealed for file in files)


def test_another_workers_slip_is_not_found(coop: Coop) -> None:
    coop.happen(Story(agent_id="a1").event("confirmed"))
    coop.happen(Story(key="o2", agent_id="a2").event("confirmed"))
    theirs = coop.store.read(lambda session: reading.slips_of(session, "a2"))[0]["slip_id"]
    assert coop.store.read(lambda session: reading.slip(session, "a1", theirs)) is None
    assert coop.store.read(lambda session: reading.slips_of(session, "nobody")) == []


def test_what_stands_for_a_worker_is_told(coop: Coop) -> None:
    story = Story(agent_id="a1", payment=CASH)
    coop.happen(story.event("confirmed"), story.event("completed"))
    coop.happen(Story(key="o2", agent_id="a1").event("confirmed"))
    told = coop.store.read(lambda session: reading.earnings(session, "a1"))
    assert told["accounts"] == [
        {
            "currency": "MYR",
            "pay_minor": 0,
            "tips_minor": 0,
            "cash_owed_minor": 420,
            "other_owed_minor": 0,
        }
    ]
    assert told["contributions"] == [
        {"scheme": MY, "period": "2026-07", "set_aside_minor": 20, "due_minor": 20}
    ]


@pytest.fixture
def sealed(coop: Coop) -> tuple[bytes, bytes]:
    """A sealed slip's bytes, in a block of several leaves, and the ledger key."""
    for n in range(3):
        coop.happen(Story(key=f"o{n}", agent_id="a1").event("confirmed"))
    seal(coop)
    return canonical(slips(coop, "a1")[1]), coop.key.public


def test_a_slip_wrong_in_any_byte_does_not_hold(sealed: tuple[bytes, bytes]) -> None:
    body, key = sealed
    assert check(body, key).is_sealed
    for position in range(len(body)):
        for bit in (0x01, 0x20):
            wrong = bytearray(body)
            wrong[position] ^= bit
            with pytest.raises(BadSlip):
                check(bytes(wrong), key)


def test_a_slip_cut_short_does_not_hold(sealed: tuple[bytes, bytes]) -> None:
    body, key = sealed
    for length in range(0, len(body), 97):
        with pytest.raises(BadSlip):
            check(body[:length], key)


def test_another_key_than_the_expected_one_is_named(sealed: tuple[bytes, bytes]) -> None:
    with pytest.raises(BadSlip, match="ledger_key"):
        check(sealed[0], generate_signing_key().public)


CAP_OF_10 = {"amount_minor": 10, "from": "2026-01-01", "source": "", "verified": False}


def forge(change: Callable[[Document], None]) -> Callable[[Coop], bytes]:
    """A slip changed and signed again with the real key: only arithmetic and words can tell."""

    def forged(coop: Coop) -> bytes:
        story = Story(agent_id="a1")
        coop.happen(story.event("confirmed"))
        file = copy.deepcopy(slips(coop, "a1")[0])
        change(file["slip"])
        file["signature"] = b64encode(coop.key.sign(canonical(file["slip"])))
        return json.dumps(file).encode()

    return forged


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("says", "You are covered.", "says"),
        ("covered_from", 1, "covered_from"),
        ("kind", "fee_slip", "says"),
        ("slip_id", "0" * 32, "slip_id"),
        ("exact", "21", "exact"),
        ("currency", "INR", "currency"),
        ("issued_at", 5, "entry.at"),
        ("base.base_minor", 1700, "base_minor"),
        ("base.commission_minor", 300, "base_minor"),
        ("rate.value", "0.02", "exact"),
        ("rate.value", "NaN", "rate"),
        ("rate.value", "1E+99999999", "rate"),
        ("rate.value", "0." + "3" * 30, "exact"),
        ("exact", "2E1", "exact"),
        ("exact", "\u0662\u0660", "exact"),
        ("currency", "XYZ", "currency"),
        ("scheme.zone", "Mars/Base", "zone"),
        ("scheme.zone", "../zone", "zone"),
        ("job_cap", CAP_OF_10, "order_line.amount_minor"),
        ("order_line.amount_minor", 21, "order_line.amount_minor"),
        ("order_line.posted_minor", 21, "posted"),
        ("order_line.due_minor", 20, "due"),
        ("period_line.exact_sum", "22", "period_line.total_minor"),
        ("period_line.cap", CAP_OF_10, "period_line.total_minor"),
        ("period_line.origin_period", "2026-08", "entry.origin_period"),
        ("entry.id", "my.act872.gig/other/1/1", "slip_id"),
        ("entry.transfers", [], "posted"),
        ("entry.order_key", "another", "entry.id"),
        ("version", 2, "version"),
        ("issued_at", 10**12, "issued_at"),
        ("reason", "because", "reason"),
        ("extra", 1, "extra"),
    ],
)
def test_a_slip_whose_parts_disagree_does_not_hold_even_when_signed(
    coop: Coop, path: str, value: object, says: str
) -> None:
    def change(slip: Document) -> None:
        *parents, last = path.split(".")
        for parent in parents:
            slip = slip[parent]
        slip[last] = value

    with pytest.raises(BadSlip, match=says):
        check(forge(change)(coop), None)


def test_a_slip_of_nothing_that_gives_no_reason_does_not_hold(coop: Coop) -> None:
    coop.happen(Story(agent_id="a1", lines=fare_of(10)).event("confirmed"))
    file = copy.deepcopy(slips(coop, "a1")[0])
    file["slip"]["reason"] = None
    file["signature"] = b64encode(coop.key.sign(canonical(file["slip"])))
    with pytest.raises(BadSlip, match="reason: the entry moves nothing"):
        check(json.dumps(file).encode(), coop.key.public)


def test_a_figure_of_many_digits_is_no_crash(coop: Coop) -> None:
    def change(slip: Document) -> None:
        slip["base"]["lines"][0]["amount_minor"] = 2**53 - 1
        slip["base"]["base_minor"] = 2**53 - 1 - slip["base"]["commission_minor"]
        slip["rate"]["value"] = "3" * 30 + "." + "3" * 30

    with pytest.raises(BadSlip, match="too many digits"):
        check(forge(change)(coop), None)


def test_a_path_that_only_looks_like_a_list_of_hashes_does_not_hold(
    sealed: tuple[bytes, bytes],
) -> None:
    slip = json.loads(sealed[0])
    slip["proof"]["path"] = dict.fromkeys(slip["proof"]["path"], 1)
    with pytest.raises(BadSlip, match="its path is a list"):
        check(json.dumps(slip, sort_keys=False).encode(), sealed[1])


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"slip":1,"signature":2,"proof":3}'])
def test_what_is_no_slip_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(BadSlip):
        check(body, None)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["slip.json", "--public-key", ""], "--public-key: "),
        (["slip.json", "--public-key", "no key"], "--public-key: "),
        (["nowhere.json"], "nowhere.json cannot be read: "),
    ],
)
def test_what_could_not_be_checked_is_not_said_of_the_slip(
    coop: Coop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    says: str,
) -> None:
    coop.happen(Story(agent_id="a1").event("confirmed"))
    (tmp_path / "slip.json").write_text(json.dumps(slips(coop, "a1")[0]))
    monkeypatch.chdir(tmp_path)
    assert main(["slip", "verify", *words]) == 1
    said = capsys.readouterr().err
    assert says in said
    assert "NOT hold" not in said
