"""Money written down by hand: each kind's two accounts, once per reference, never below zero."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from bpp.insurance import cash
from bpp.insurance.cash import Limit
from bpp.ledger import chart, journal, trust
from bpp.ledger.money_facts import KINDS, MoneyFact, NotPosted
from protocol_specs.node.commands import main
from protocol_specs.node.settings import write_secret
from protocol_specs.node.store import Statement
from protocol_specs.wire.keys import b64encode, generate_signing_key
from protocol_specs.wire.values import replace
from tests.bpp.cooperative import Cooperative, cooperative
from tests.bpp.insurance.fare_cash import (
    OFFERING,
    agent,
    at_the_limit,
    insured,
    money_written,
    owed,
    text_of,
)
from tests.bpp.insurance.support import CARD, CASH, MY, NOON, Coop, Story, fare_of, my_coop
from tests.bpp.insurance.test_at_the_door import CONFIG, until

LATER = NOON + 86_400 * 3
EVERYTHING = [
    Statement(text(f"SELECT * FROM {table} ORDER BY 1, 2"))  # noqa: S608 - our own names
    for table in ("entry", "transfer", "account", "cash_notice")
]
# Two accounts of each kind, as docs/money.md has them; W the worker, S the scheme.
TABLE = {
    "settlement": ("1100", "1200"),
    "pay-in": ("1100", "1220:W"),
    "repayment": ("1100", "1240:W"),
    "netting": ("2100:W", "1220:W"),
    "debt-netting": ("2100:W", "1240:W"),
    "payout": ("2100:W", "1100"),
    "tip": ("1200", "2110:W"),
    "trust-sweep": ("1110:S", "1100"),
    "trust-return": ("1100", "1110:S"),
    "goodwill-refund": ("5030", "2250"),
    "refund-payout": ("2250", "1100"),
    "refund-by-collector": ("2250", "1200"),
    "institution-refund": ("1100", "1260:S:W"),
    "fare-write-off": ("5060", "1200"),
    "cash-write-off": ("5020", "1220:W"),
    "debt-write-off": ("5020", "1240:W"),
    "unidentified-receipt": ("1100", "2400"),
    "identified-settlement": ("2400", "1200"),
    "identified-pay-in": ("2400", "1220:W"),
    "receipt-sent-back": ("2400", "1100"),
    "tax-payment": ("2300", "1100"),
    "members-funds": ("1100", "3000"),
    "agent-commission-received": ("1100", "1270"),
}


def job(coop: Coop, key: str, payment: Any, minor: int = 2000) -> None:
    story = Story(key=key, agent_id="a1", payment=payment, lines=fare_of(minor))
    coop.happen(story.event("confirmed"), story.event("completed"))


@pytest.fixture
def coop(tmp_path: Path) -> Coop:
    """A worker with 15.80 of pay; the collector owes 20.00; 0.20 is due to the scheme."""
    coop = my_coop(tmp_path, cash_limit=Limit(None, "MYR"))
    job(coop, "card", CARD)
    return coop


def fact(kind: str, minor: int, reference: str = "r1", **more: Any) -> MoneyFact:
    return MoneyFact(kind, reference, "desk-1", "MYR", minor, more.pop("at", LATER), **more)


def post(coop: Coop, asked: MoneyFact) -> bool:
    limit = coop.cash_limit or Limit(None, "MYR")
    return coop.store.transact_now(lambda session: cash.record(session, limit, asked, LATER))


def reverse(coop: Coop, entry: str) -> bool:
    limit = coop.cash_limit or Limit(None, "MYR")
    return coop.store.transact_now(
        lambda session: cash.reverse(session, limit, entry, by="desk-2", now=LATER)
    )


def written(coop: Coop) -> list[list[tuple[Any, ...]]]:
    return coop.store.read(lambda session: [[*map(tuple, session.all(e))] for e in EVERYTHING])


def test_each_kind_moves_between_the_two_accounts_of_the_table() -> None:
    assert TABLE.keys() == KINDS.keys()
    for kind, (debit, credit) in TABLE.items():
        needs = {name: name[0].upper() for name in KINDS[kind].needs}
        (line,) = KINDS[kind].lines(fact(kind, 7, **needs))
        assert (line.debit.id, line.credit.id, line.amount_minor) == (debit, credit, 7), kind


def test_every_account_of_the_chart_is_read_back_from_its_id() -> None:
    made = [fact(kind, 1, worker="w1", scheme="my.scheme") for kind in KINDS]
    for each in (
        account for f in made for t in KINDS[f.kind].lines(f) for account in (t.debit, t.credit)
    ):
        assert chart.account(each.id) == each
    for account in (
        chart.contribution_due("s", "w", "2026-07"),
        chart.excess_held("s", "w"),
        chart.remittance_in_transit("s/2026-07/1"),
        chart.set_aside_contra_of("w"),
        chart.set_aside_contra_of_cooperative(),
    ):
        assert chart.account(account.id) == account
    for other in ("1100:w1", "9999", "2210:s:w:p:r", "x"):
        with pytest.raises(ValueError, match=r"no account|invalid literal"):
            chart.account(other)


def test_a_job_is_settled_swept_and_paid_out_to_the_last_cent(coop: Coop) -> None:
    worker = coop.local("a1")
    for asked in (
        fact("settlement", 2000),
        fact("tip", 150, worker=worker),
        fact("settlement", 150, "r2"),
        fact("trust-sweep", 20, scheme=MY),
        fact("payout", 1730, worker=worker, tips_minor=150),
    ):
        assert post(coop, asked) is True
    assert coop.balances() == {
        "1100": 400, f"1110:{MY}": 20, f"2210:{MY}:{worker}:2026-07": 20, "4000": 400,
    }  # fmt: skip


def test_the_same_reference_again_posts_nothing_more_even_when_nothing_is_left(coop: Coop) -> None:
    assert post(coop, fact("settlement", 2000)) is True
    before = written(coop)
    assert post(coop, fact("settlement", 2000)) is False
    assert post(coop, fact("settlement", 2000, at=LATER - 5)) is False
    assert written(coop) == before


def test_who_wrote_it_and_when_are_in_the_entry_that_is_sealed(coop: Coop) -> None:
    post(coop, fact("settlement", 2000))
    found = coop.store.read(lambda session: journal.document(session, "settlement/r1"))
    assert found is not None
    assert (found["by"], found["at"], found["kind"]) == ("desk-1", LATER, "settlement")
    event = coop.store.read(lambda session: journal.document(session, f"{MY}/card/1/1"))
    assert event is not None
    assert "by" not in event


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "gift"}, "no kind of money fact"),
        ({"amount_minor": 0}, "above zero"),
        ({"amount_minor": -1}, "above zero"),
        ({"amount_minor": 10**16}, "beyond all reason"),
        ({"currency": "SGD"}, "in MYR, the amount is in SGD"),
        ({"reference": "from Aminah"}, "reference: the receipt's"),
        ({"reference": ""}, "reference: the receipt's"),
        ({"reference": "a/b"}, "reference: the receipt's"),
        ({"by": "Aminah binti Ali"}, "no name"),
        ({"by": ""}, "no name"),
        ({"at": LATER + 1}, "has not happened yet"),
        ({"worker": ""}, "payout needs a worker"),
        ({"worker": "w0000000000000000"}, "nothing stands in the books for the worker"),
        ({"worker": "unassigned"}, "nothing stands in the books for the worker"),
        ({"scheme": MY}, "payout has no scheme"),
        ({"amount_minor": 1581}, "more than the 15.80 MYR of 2100:"),
        ({"tips_minor": 1}, "more than the 0.00 MYR of 2110:"),
        ({"tips_minor": 101}, "tips are a part of a payout"),
        ({"tips_minor": -1}, "tips are a part of a payout"),
        ({"reference": "r0"}, "r0 already stands for another payout"),
    ],
)
def test_a_fact_with_one_thing_wrong_is_refused_and_nothing_is_written(
    coop: Coop, change: dict[str, Any], says: str
) -> None:
    worker = coop.local("a1")
    good = fact("payout", 100, worker=worker)
    post(coop, fact("payout", 1, "r0", worker=worker))
    post(coop, fact("members-funds", 1, "r9"))
    reverse(coop, "payout/r0")  # 15.80 again
    before = written(coop)
    with pytest.raises(NotPosted, match=says):
        post(coop, replace(good, **change))
    assert written(coop) == before


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("settlement", {}), ("pay-in", {"worker": "a1"}), ("repayment", {"worker": "a1"}),
        ("netting", {"worker": "a1"}), ("debt-netting", {"worker": "a1"}),
        ("trust-return", {"scheme": MY}), ("refund-payout", {}), ("refund-by-collector", {}),
        ("fare-write-off", {}), ("cash-write-off", {"worker": "a1"}),
        ("debt-write-off", {"worker": "a1"}), ("identified-settlement", {}),
        ("identified-pay-in", {"worker": "a1"}), ("receipt-sent-back", {}), ("tax-payment", {}),
        ("trust-sweep", {"scheme": MY}), ("trust-sweep", {"scheme": "no.such"}),
    ],
)  # fmt: skip
def test_nothing_is_taken_that_does_not_stand_there(
    coop: Coop, kind: str, more: dict[str, str]
) -> None:
    given_ = {k: coop.local(v) if k == "worker" else v for k, v in more.items()}
    with pytest.raises(NotPosted, match="is more than the"):
        post(coop, fact(kind, 2001, **given_))


def test_a_payout_never_takes_the_cash_that_the_worker_holds_for_granted(coop: Coop) -> None:
    """15.80 of pay and 4.20 of fare cash owed: netted first, 11.60 is left to pay out."""
    job(coop, "cash", CASH)
    worker = coop.local("a1")
    post(coop, fact("netting", 420, worker=worker))
    with pytest.raises(NotPosted, match=r"more than the 11\.60 MYR"):
        post(coop, fact("payout", 1161, worker=worker))
    assert post(coop, fact("payout", 1160, worker=worker))


def test_a_write_off_leaves_the_contribution_whole(coop: Coop) -> None:
    job(coop, "cash", CASH)
    worker = coop.local("a1")
    due = f"2210:{MY}:{worker}:2026-07"
    before = coop.balances()[due]
    post(coop, fact("cash-write-off", 420, worker=worker))
    post(coop, fact("fare-write-off", 2000))
    stands = coop.balances()
    assert (stands[due], stands["5020"], stands["5060"]) == (before, 420, 2000)
    assert f"1220:{worker}" not in stands


def test_a_reversal_takes_a_fact_back_once_and_no_event_of_an_order(coop: Coop) -> None:
    before = coop.balances()
    post(coop, fact("settlement", 2000))
    assert reverse(coop, "settlement/r1") is True
    assert coop.balances() == before
    stands = written(coop)
    assert reverse(coop, "settlement/r1") is False
    for entry, says in [
        ("settlement/r2", "no entry"),
        (f"{MY}/card/1/2", "not written by hand"),
        ("reversal/settlement/r1", "not written by hand"),
    ]:
        with pytest.raises(NotPosted, match=says):
            reverse(coop, entry)
    assert written(coop) == stands


def test_a_reversal_that_would_leave_an_account_below_zero_is_refused(coop: Coop) -> None:
    post(coop, fact("unidentified-receipt", 500))
    post(coop, fact("identified-settlement", 500))
    with pytest.raises(NotPosted, match=r"more than the 0\.00 MYR of 2400"):
        reverse(coop, "unidentified-receipt/r1")


def test_writing_fare_cash_off_opens_cash_jobs_again_and_reversing_it_stops_them(
    tmp_path: Path,
) -> None:
    coop = my_coop(tmp_path, cash_limit=Limit(420, "MYR"))
    job(coop, "cash", CASH)
    worker = coop.local("a1")

    def is_stopped() -> bool:
        return coop.store.read(lambda session: cash.is_stopped(session, worker))

    assert is_stopped()
    post(coop, fact("cash-write-off", 420, worker=worker))
    assert not is_stopped()
    reverse(coop, "cash-write-off/r1")
    assert is_stopped()


# The trust account


def of_trust(coop: Coop, now: int = LATER) -> trust.Trust:
    return coop.store.read(lambda session: trust.of_scheme(session, MY, "MYR", now))


def test_what_is_due_for_a_day_and_not_swept_is_overdue(coop: Coop) -> None:
    completed = NOON + 120
    young, old = of_trust(coop, completed + 86_399), of_trust(coop, completed + 86_400)
    assert (young.missing_minor, young.overdue_minor) == (20, 0)
    assert (old.missing_minor, old.overdue_minor) == (20, 20)
    post(coop, fact("trust-sweep", 20, scheme=MY))
    assert (of_trust(coop).missing_minor, of_trust(coop).overdue_minor) == (0, 0)


def test_no_more_than_is_missing_is_swept_and_no_less_is_left(coop: Coop) -> None:
    with pytest.raises(NotPosted, match=r"0\.21 MYR is more than the 0\.20 MYR that is missing"):
        post(coop, fact("trust-sweep", 21, scheme=MY))
    post(coop, fact("trust-sweep", 20, scheme=MY))
    with pytest.raises(NotPosted, match=r"0\.01 MYR is more than the 0\.00 MYR that lies there"):
        post(coop, fact("trust-return", 1, scheme=MY))


def test_what_a_refund_frees_may_go_back_to_the_bank(coop: Coop) -> None:
    story = Story(key="o2", agent_id="a1", payment=CARD)
    coop.happen(story.event("confirmed"), story.event("completed"))
    post(coop, fact("trust-sweep", 40, scheme=MY))
    coop.happen(story.event("refunded", refund_minor=400, refund_borne_by="worker"))
    assert of_trust(coop).surplus_minor == 5
    assert post(coop, fact("trust-return", 5, scheme=MY))
    assert of_trust(coop).surplus_minor == of_trust(coop).missing_minor == 0


FACTS = st.tuples(
    st.sampled_from([*KINDS, "card job", "cash job", "reverse"]), st.integers(1, 3000)
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(FACTS, max_size=14))
def test_whatever_is_written_down_the_books_balance_and_nothing_falls_below_zero(
    steps: list[tuple[str, int]],
) -> None:
    with TemporaryDirectory() as folder:
        coop = my_coop(Path(folder), cash_limit=Limit(None, "MYR"))
        job(coop, "first", CASH)
        worker, last = coop.local("a1"), ""
        for n, (what, minor) in enumerate(steps):
            if what.endswith("job"):
                job(coop, f"o{n}", CARD if what == "card job" else CASH, minor)
                continue
            with suppress(NotPosted):
                if what == "reverse":
                    reverse(coop, last)
                    continue
                named = {"worker": worker, "scheme": MY}
                needs = {name: named[name] for name in KINDS[what].needs}
                post(coop, fact(what, minor, f"r{n}", **needs))
                last = f"{what}/r{n}"
        assert all(minor > 0 for id, minor in coop.balances().items() if id != "1100")
        debits = sum(v for id, v in coop.balances().items() if id[0] in "15")
        assert debits == sum(v for id, v in coop.balances().items() if id[0] in "234")
        coop.store.close()


# At the desk's door, and by command


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with cooperative(tmp_path, insurance=insured(tmp_path, "0.50"), **OFFERING) as running:
        yield running


async def test_the_desk_writes_facts_down_and_takes_them_back(there: Cooperative) -> None:
    debt = await at_the_limit(there)
    body = {
        "kind": "cash-write-off", "amount": text_of(debt), "currency": "MYR", "reference": "d-1",
        "by": "desk-1", "worker": await agent(there, "D1"),
    }  # fmt: skip
    assert (await there.desk("POST", "ledger/facts", body))[0] == 201
    assert (await there.desk("POST", "ledger/facts", body))[0] == 200
    back = {"entry": "cash-write-off/d-1", "by": "desk-2"}
    assert (await there.desk("POST", "ledger/reversals", back))[0] == 201
    status, answer = await there.desk("GET", "ledger/trust")
    assert (status, answer["trust"][0]["missing_minor"] > 0) == (200, True)


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"amount": "90.00"}, 409, "more than the"),
        ({"amount": 0.1}, 400, "/amount"),
        ({"amount": "1e3"}, 400, "not an amount"),
        ({"currency": "SGD"}, 409, "these books are in MYR"),
        ({"currency": "XXX"}, 400, "not a currency"),
        ({"by": "Aminah binti"}, 400, "/by"),
        ({"reference": "a b"}, 400, "/reference"),
        ({"worker": "nobody"}, 409, "nothing stands in the books"),
        ({"kind": "gift"}, 409, "no kind of money fact"),
        ({"note": "for Aminah"}, 400, "/note"),
        ({"at": 99_999_999_999}, 409, "has not happened"),
    ],
)
async def test_a_fact_with_one_thing_wrong_is_refused_at_the_door(
    there: Cooperative, change: dict[str, Any], status: int, says: str
) -> None:
    await at_the_limit(there)
    before = money_written(there)
    good = {
        "kind": "pay-in", "amount": "0.10", "currency": "MYR", "reference": "d-1",
        "by": "desk-1", "worker": await agent(there, "D1"),
    }  # fmt: skip
    found, answer = await there.desk("POST", "ledger/facts", {**good, **change})
    assert (found, says in json.dumps(answer)) == (status, True), answer
    assert money_written(there) == before


async def test_only_the_desk_writes_facts_down(there: Cooperative) -> None:
    good = {
        "kind": "members-funds", "amount": "1.00", "currency": "MYR", "reference": "d-1",
        "by": "desk-1",
    }  # fmt: skip
    back = {"entry": "members-funds/d-1", "by": "desk-1"}
    before = money_written(there)
    for path, body in (("facts", good), ("reversals", back)):
        assert (await there.call("POST", f"/desk/ledger/{path}", body, {}))[0] == 401
    assert (await there.call("GET", "/desk/ledger/trust", None, {}))[0] == 401
    assert money_written(there) == before


def config_of(folder: Path, port: int = 1) -> Path:
    """A settings file beside the data folder, with the ledger key that it names."""
    path = folder / "bpp.toml"
    path.write_text(CONFIG.replace("port = 0", f"port = {port}"))
    if not (folder / "ledger.key").exists():
        write_secret(folder / "ledger.key", b64encode(generate_signing_key().seed))
    return path


async def test_the_command_has_a_running_node_write_the_fact_down(
    there: Cooperative, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    debt = await at_the_limit(there)
    config = str(config_of(tmp_path, there.node.port))
    words = [
        "ledger", "post", "pay-in", "--amount", text_of(debt), "--reference", "r-1",
        "--worker", await agent(there, "D1"), "--by", "desk-1", "--config", config,
    ]  # fmt: skip
    for says in ("pay-in/r-1: posted", "stood already"):
        assert await asyncio.to_thread(main, words) == 0
        assert says in capsys.readouterr().out
    again = [*words[:4], "9.00", *words[5:]]
    assert await asyncio.to_thread(main, again) == 1
    assert "nothing was posted: r-1 already stands" in capsys.readouterr().err
    back = ["ledger", "reverse", "pay-in/r-1", "--by", "desk-1", "--config", config]
    assert await asyncio.to_thread(main, back) == 0
    assert await owed(there, "D1") == debt


def test_by_command_with_the_node_stopped_books_are_kept_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coop = my_coop(tmp_path / "data", cash_limit=Limit(None, "MYR"))
    job(coop, "card", CARD)
    worker = coop.local("a1")
    coop.store.close()
    config = ["--config", str(config_of(tmp_path))]

    def run(*words: str) -> tuple[int, str]:
        status = main(["ledger", *words, *config])
        said = capsys.readouterr()
        return status, said.out + said.err

    by = ("--reference", "r-1", "--by", "desk-1")
    assert run("trust") == (1, run("trust")[1])
    assert "SHORT of 0.20 MYR" in run("trust")[1]
    assert run("post", "trust-sweep", "--amount", "0.20", "--scheme", MY, *by)[0] == 0
    assert run("trust")[0] == 0
    paid = ("post", "payout", "--amount", "15.80", "--worker", "a1", *by)
    assert run(*paid, "--at", "2026-07-03") == (0, "payout/r-1: posted\n")
    refused = run("post", "payout", "--amount", "15,80", "--worker", "a1", *by)
    assert (refused[0], "is not an amount" in refused[1]) == (1, True)
    refused = run("post", "payout", "--amount", "1", "--worker", "a1", "--reference", "a b",
                  "--by", "desk-1")  # fmt: skip
    assert (refused[0], "reference: " in refused[1]) == (1, True)
    status, out = run("trial-balance", "--json")
    trial = json.loads(out)
    assert (status, trial["balanced"]) == (0, True)
    assert {line["account"]: line["balance_minor"] for line in trial["accounts"]} == {
        "1100": -1600, "1200": 2000, f"1110:{MY}": 20, f"1230:{worker}": 0, f"2100:{worker}": 0,
        f"2200:{MY}:{worker}:2026-07": 0, f"2210:{MY}:{worker}:2026-07": 20, "4000": 400,
    }  # fmt: skip
    before = json.loads(run("trial-balance", "--json", "--at", "2026-07-02")[1])
    stood = {line["account"]: line["balance_minor"] for line in before["accounts"]}
    assert (stood["1100"], stood[f"2100:{worker}"]) == (0, 1580)
    assert "debits = credits" in run("trial-balance")[1]
    of_pay = json.loads(run("account", "2100", "--worker", "a1", "--json")[1])
    assert [line["kind"] for line in of_pay] == ["completed", "completed", "payout"]
    assert of_pay == json.loads(run("account", f"2100:{worker}", "--json")[1])
    assert [line["by"] for line in of_pay] == [None, None, "desk-1"]
    assert run("account", "2100", "--worker", "w9")[0] == 1


def test_a_bank_statement_is_held_against_the_books_and_nothing_is_posted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coop = my_coop(tmp_path / "data", cash_limit=Limit(None, "MYR"))
    job(coop, "card", CARD)
    post(coop, fact("settlement", 2000, "s-1"))
    post(coop, fact("payout", 1580, "p-1", worker=coop.local("a1")))
    post(coop, fact("trust-sweep", 20, "t-1", scheme=MY))
    before = written(coop)
    coop.store.close()
    config = config_of(tmp_path)
    config.write_text(
        config.read_text().replace(
            'witness = "', 'bank_accounts = { 1100 = "MY00 1", 1110 = "MY00 2" }\nwitness = "'
        )
    )
    day = datetime.fromtimestamp(LATER, UTC).date()
    header = "account,date,amount,currency,reference,text\n"

    def matched(*lines: str) -> tuple[int, Any]:
        (tmp_path / "bank.csv").write_text(header + "".join(f"{each}\n" for each in lines))
        words = ["ledger", "match", str(tmp_path / "bank.csv"), "--config", str(config), "--json"]
        status = main(words)
        return status, json.loads(capsys.readouterr().out or "[{}]")[0]

    settled, paid = f"MY001,{day},20.00,MYR,s-1,", f"MY001,{day},-15.80,MYR,p-1,"
    swept = f"MY001,{day},-0.20,MYR,,to the trust account"
    status, found = matched(settled, paid, swept)
    assert (status, len(found["matched"]), found["books_minor"]) == (0, 3, 400)
    status, found = matched(settled, f"MY001,{day},9.99,MYR,x-1,who?")
    assert (status, len(found["matched"])) == (1, 1)
    assert [each["minor"] for each in found["missing_in_books"]] == [999]
    assert [each["entry"] for each in found["missing_in_bank"]] == ["payout/p-1", "trust-sweep/t-1"]
    status, found = matched(f"MY002,{day},0.20,MYR,t-1,")
    assert (status, found["account"], found["matched"][0]["by"]) == (0, "1110", "reference")
    status, found = matched(f"MY002,{day},-15.80,MYR,p-1,", f"MY002,{day},0.20,MYR,t-1,")
    assert (status, found["for_another_account"][0]["account"]) == (1, "1100")
    assert matched(f"MY003,{day},0.20,MYR,t-1,") == (1, {})
    assert written(Coop(tmp_path / "data", coop.schemes)) == before


async def test_once_a_day_the_log_says_the_trust_account_and_sounds_when_money_is_overdue(
    there: Cooperative, capsys: pytest.CaptureFixture[str]
) -> None:
    await at_the_limit(there)
    heard: list[dict[str, Any]] = []

    def is_heard() -> bool:
        said = (each for each in capsys.readouterr().err.splitlines() if each.startswith("{"))
        told = [each for each in map(json.loads, said) if each.get("what") == "trust_account"]
        heard.extend(told)
        return bool(heard)

    assert not is_heard()  # looked at when the node began: nothing was due yet
    there.clock.at += 2 * 86_400
    await until(is_heard)
    (alarm,) = heard
    assert (alarm["event"], alarm["level"], alarm["scheme"]) == ("alarm", "error", MY)
    assert alarm["overdue_minor"] == alarm["missing_minor"] == alarm["due_minor"] > 0
