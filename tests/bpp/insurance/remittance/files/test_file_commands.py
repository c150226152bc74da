"""`wayfare remit file` and `read`, as a person types them beside a stopped node."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bpp.insurance import cash
from bpp.insurance.desk_calls import Desk
from bpp.insurance.remittance.files import asked, commands, identifiers
from protocol_specs.node.database.store_settings import StoreAt
from protocol_specs.node.store import Statement, Store
from tests.bpp.insurance.remittance import support
from tests.bpp.insurance.remittance.files.banking import SETTINGS, booked, declared, status
from tests.bpp.insurance.remittance.files.pain001 import texts, valid


class Office:
    """A stopped node's folder, and somebody at the keyboard."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        coop, self.id = declared(folder / "data")
        coop.store.close()
        monkeypatch.setattr("time.time", lambda: support.at("2026-08-07"))

    def desk(self, config: Path) -> Desk:
        return Desk(
            store_at=StoreAt(self.folder / "data"),
            issuer="coop.example",
            currency="MYR",
            settings=SETTINGS,
            limit=cash.Limit(None, "MYR"),
            host="127.0.0.1",
            port=1,
            token_file=self.folder / "token",
        )

    def types(self, *words: str) -> int:
        parser = argparse.ArgumentParser()
        commands.add(parser.add_subparsers(), self.desk)
        arguments = parser.parse_args([*words, "--config", "f", "--json"])
        return int(arguments.run(arguments))

    def events(self) -> list[str]:
        store = Store.read_only(self.folder / "data")
        try:
            from bpp.insurance.remittance import reading

            found = store.read(lambda s: reading.remittance(s, self.id))
        finally:
            store.close()
        assert found is not None
        return [event.kind for event in found.events]


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    return Office(tmp_path, monkeypatch)


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_file_is_made_and_the_banks_answer_read(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    out = office.folder / "pay.xml"
    make = ("file", "pain001", office.id, "--out", str(out), "--by", "desk-1")
    assert office.types(*make) == 0
    assert told(capsys)["name"] == identifiers.message_id([office.id], "coop.example")
    assert texts(valid(out.read_bytes()), "InstdAmt") == ["30.00"]
    first = out.read_bytes()
    assert office.types(*make) == 0
    assert out.read_bytes() == first
    capsys.readouterr()
    answer = office.folder / "answer.xml"
    answer.write_text(booked(office.id, "DBIT"))
    assert office.types("read", str(answer), "--by", "desk-1") == 0
    assert told(capsys)["payments"][0]["did"] == "sent"
    assert office.types("read", str(answer), "--by", "desk-1") == 0
    assert told(capsys)["is_new"] is False
    assert office.events() == ["sent"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["file", "pain001", "ID", "--out", "OUT"], "say by whose wish"),
        (["file", "pain001", "ID", "--out", "OUT", "--by", "Mrs Lee"], "by: "),
        (["file", "pain001", "x/2026-07/1", "--out", "OUT", "--by", "d"], "no remittance"),
        (["file", "pain001", "ID", "--out", "OUT", "--by", "d", "--on", "tomorrow"], "on: "),
        (["file", "csv", "ID", "ID", "--out", "OUT"], "is about one thing"),
        (["file", "csv", "x/2026-07/1", "--out", "OUT"], "no remittance"),
        (["file", "karnataka", "2026-07", "--out", "OUT"], "is no quarter"),
        (["file", "karnataka", "FY2026-27Q2", "--out", "OUT"], "not among the schemes"),
        (["file", "form-xx", "FY2026-27", "--out", "OUT"], "say --turnover and --rate"),
        (
            ["file", "form-xx", "FY2026-27", "--out", "OUT", "--turnover", "1e9", "--rate", "0.01"],
            "is not an amount",
        ),
        (
            ["file", "form-xx", "FY2026-27", "--out", "OUT", "--turnover", "1", "--rate", "1%"],
            "is no share",
        ),
        (["read", "missing.xml", "--by", "d"], "No such file"),
    ],
)
def test_what_is_asked_wrongly_writes_no_file(
    office: Office, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    out = office.folder / "out"
    known = {"ID": office.id, "OUT": str(out)}
    assert office.types(*(known.get(word, word) for word in words)) == 1
    assert says in told(capsys)["error"]
    assert not out.exists()
    assert office.events() == []


def test_a_file_that_stands_already_is_not_lost(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    out = office.folder / "mine.csv"
    out.write_text("my own notes")
    assert office.types("file", "csv", office.id, "--out", str(out)) == 1
    assert "stands already with other content" in told(capsys)["error"]
    assert out.read_text() == "my own notes"


def test_a_banks_file_too_large_for_our_few_payments_is_refused(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    large = office.folder / "large.xml"
    large.write_bytes(b" " * (asked.BYTES_MAX + 1))
    assert office.types("read", str(large), "--by", "d") == 1
    assert "larger than 512 KiB" in told(capsys)["error"]


def test_a_file_about_nothing_of_ours_is_refused_and_posts_nothing(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = office.folder / "answer.xml"
    answer.write_text(status(office.id, "ACSC"))  # no payment file was ever made
    assert office.types("read", str(answer), "--by", "d") == 1
    assert "answer.xml, CstmrPmtStsRpt" in told(capsys)["error"]
    assert office.events() == []


def made(office: Office) -> list[int]:
    store = Store.read_only(office.folder / "data")
    try:
        counts = [Statement(text(f"SELECT count(*) FROM {t}")) for t in ("payment_file", "filing")]  # noqa: S608 - our own names
        return [store.read(lambda s, c=each: s.all(c)[0][0]) for each in counts]
    finally:
        store.close()


def test_no_payment_is_made_for_a_place_where_it_cannot_stand(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    before = made(office)
    mine = office.folder / "mine.xml"
    mine.write_text("my own notes")
    for out, says in (
        (mine, "already has other content"),
        (office.folder, "is no file"),
        (office.folder / "none" / "pay.xml", "there is no folder"),
        (Path("/dev/null"), "is no file"),
    ):
        words = ("file", "pain001", office.id, "--out", str(out), "--by", "desk-1")
        assert office.types(*words) == 1
        assert says in told(capsys)["error"]
        assert made(office) == before
    assert mine.read_text() == "my own notes"


def test_a_file_is_its_owners_alone_and_a_link_is_not_written_through(office: Office) -> None:
    secret, link = office.folder / "secret", office.folder / "link"
    link.symlink_to(secret)
    assert office.types("file", "csv", office.id, "--out", str(link)) == 0
    assert not secret.exists()
    assert link.stat().st_mode & 0o777 == 0o600
