"""Payment files and banks' answers at a running node's desk."""

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bpp.insurance.extension import Insurance
from bpp.insurance.remittance import reading
from bpp.insurance.remittance.files import identifiers
from bpp.insurance.scheme import Scheme
from bpp.insurance.scheme_file import load
from protocol_specs.node.commands import main
from protocol_specs.node.store import Statement, Store
from protocol_specs.wire.keys import generate_signing_key
from tests.bpp.cooperative import Cooperative, cooperative
from tests.bpp.insurance.fare_cash import OFFERING, insured
from tests.bpp.insurance.remittance import support
from tests.bpp.insurance.remittance.files.banking import SETTINGS, booked, close_july
from tests.bpp.insurance.remittance.files.pain001 import texts, valid
from tests.bpp.insurance.support import MY, Coop, terms_for
from tests.bpp.insurance.test_money_facts import config_of

ID = f"{MY}/2026-07/1"
PAY, BANK = "insurance/remittance/files/payment", "insurance/remittance/files/bank"
ASKED = {"remittances": [ID], "by": "desk-1"}


class Inside(Coop):
    """Jobs and closes written straight into the books of a running node."""

    def __init__(self, store: Store, schemes: tuple[Scheme, ...]) -> None:
        self.store, self.schemes = store, schemes
        self.insurance = Insurance.with_schemes(
            schemes, terms_for(schemes, "0"), generate_signing_key(), "coop.example"
        )


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    """A node that runs, in whose books July was closed."""
    banks = {
        "payer": SETTINGS.payer.model_dump(),
        "institutions": {name: each.model_dump() for name, each in SETTINGS.institutions.items()},
        "bank_accounts": SETTINGS.bank_accounts,
    }
    settings = {**insured(tmp_path, None), **banks}
    async with cooperative(tmp_path, insurance=settings, **OFFERING) as running:
        running.clock.at = support.at("2026-08-07")
        assert close_july(Inside(running.node.store, (load(MY),))) == ID
        yield running


def answer(raw: str, **more: Any) -> dict[str, Any]:
    return {"name": "a.xml", "content": b64encode(raw.encode()).decode(), "by": "d", **more}


def kept(there: Cooperative) -> list[int]:
    found = []
    for table in ("entry", "remittance_event", "payment_file", "bank_file_read"):
        counting = Statement(text(f"SELECT count(*) FROM {table}"))  # noqa: S608 - our own names
        row = there.node.store.read(lambda s, c=counting: s.one(c))
        found.append(row[0] if row else 0)
    return found


def state(there: Cooperative) -> str:
    found = there.node.store.read(lambda s: reading.remittance(s, ID))
    assert found is not None
    return found.state


async def test_a_file_is_made_and_its_answer_taken_at_the_desk(there: Cooperative) -> None:
    status, made = await there.desk("POST", PAY, ASKED)
    assert (status, made["message"]) == (
        200,
        identifiers.message_id([ID], there.node.settings.subscriber_id),
    )
    assert texts(valid(b64decode(made["content"])), "InstdAmt") == ["30.00"]
    assert (await there.desk("POST", PAY, ASKED))[1] == made
    status, told = await there.desk("POST", BANK, answer(booked(ID, "DBIT")))
    assert (status, told["payments"][0]["did"], state(there)) == (200, "sent", "sent")


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        (PAY, {**ASKED, "remittances": ["x/2026-07/1"]}, 409, "there is no remittance"),
        (PAY, {**ASKED, "remittances": []}, 400, "/remittances"),
        (PAY, {**ASKED, "by": "Mrs Lee"}, 400, "/by"),
        (PAY, {**ASKED, "on": "2026-02-30"}, 409, "is no day"),
        (PAY, {**ASKED, "amount": "1.00"}, 400, "/amount"),
        (BANK, answer(booked(ID, "DBIT")), 409, "a.xml, Ntfctn[1]/Ntry[1]/TxDtls[1]"),
        (BANK, answer("<a/>"), 409, "no pain.002 and no camt.054"),
        (BANK, answer("", content="*"), 409, "not base64"),
        (BANK, answer("x" * 600_000), 400, "/content"),
    ],
)
async def test_what_is_asked_wrongly_at_the_desk_changes_nothing(
    there: Cooperative, path: str, body: dict[str, Any], status: int, says: str
) -> None:
    before = kept(there)
    found, told = await there.desk("POST", path, body)
    assert (found, says in json.dumps(told)) == (status, True), told
    assert (kept(there), state(there)) == (before, "collected")


async def test_only_the_desk_makes_and_brings_files(there: Cooperative) -> None:
    before = kept(there)
    for path, body in ((PAY, ASKED), (BANK, answer(booked(ID, "DBIT")))):
        assert (await there.call("POST", f"/desk/{path}", body, {}))[0] == 401
    assert kept(there) == before


async def test_the_commands_go_through_a_running_nodes_desk(
    there: Cooperative, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ["--config", str(config_of(tmp_path, there.node.port))]
    out, said = tmp_path / "pay.xml", tmp_path / "answer.xml"
    words = ["remit", "file", "pain001", ID, "--out", str(out), "--by", "desk-1", *config]
    assert await asyncio.to_thread(main, words) == 0
    valid(out.read_bytes())
    said.write_text(booked(ID, "DBIT"))
    words = ["remit", "read", str(said), "--by", "desk-1", *config]
    assert await asyncio.to_thread(main, words) == 0
    assert f"{ID}: BOOK on 2026-08-06: now sent" in capsys.readouterr().out
    assert state(there) == "sent"
