"""Bank statements read from files: camt.053 of ISO 20022 (XML), and a plain CSV.

Nothing is taken on trust: account, currency, days and every sum must agree in themselves.
"""

import csv
import io
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from bpp.ledger.bank import BankLine, BankStatement
from protocol_specs.wire import money
from protocol_specs.wire.errors import Malformed

BYTES_MAX = 32 * 1024 * 1024
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})?")
COLUMNS = ("account", "date", "amount", "currency", "reference", "text")


class BadBankFile(ValueError):
    """The file is no statement that can be believed; the text names the line or the path."""


def read(path: Path) -> tuple[BankStatement, ...]:
    """Every statement in a file, camt.053 or CSV. Raises BadBankFile, OSError."""
    with path.open("rb") as file:
        raw = file.read(BYTES_MAX + 1)
    if len(raw) > BYTES_MAX:
        raise BadBankFile(f"{path.name} is larger than {BYTES_MAX // 1024 // 1024} MB")
    if raw.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        from bpp.ledger import camt  # lxml only where it is needed

        return camt.read(raw, path.name)
    return (read_csv(raw, path.name),)


def read_csv(raw: bytes, name: str) -> BankStatement:
    """The columns account, date, amount, currency, reference, text, and balance if there is one.

    `amount` has a sign: above zero, money came. `balance` is what stands after the line.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadBankFile(f"{name}: byte {error.start} is not UTF-8") from None
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise BadBankFile(f"{name}, line {reader.line_num}: {error}") from None
    header = [column.strip().lower() for column in rows[0]] if rows else []
    if header not in ([*COLUMNS], [*COLUMNS, "balance"]):
        raise BadBankFile(f"{name}, line 1: the columns are {','.join(COLUMNS)}[,balance]")
    lines, accounts, opening, closing = [], set(), None, None
    for n, row in enumerate(rows[1:], 2):
        if not any(row):
            continue
        place = f"{name}, line {n}"
        line, account, stands = _row(row, len(header), place)
        opening = stands - line.minor if opening is None and stands is not None else opening
        if stands is not None and closing is not None and closing + line.minor != stands:
            raise BadBankFile(f"{place}: the balance is not the one before it and the amount")
        closing = stands
        lines.append(line)
        accounts.add(account)
    if len(accounts) != 1:
        what = "no lines" if not accounts else "lines of several accounts or currencies"
        raise BadBankFile(f"{name}: it has {what}; one account and currency a file")
    ((number, currency),) = accounts
    days = sorted(line.on for line in lines)
    return BankStatement(number, currency, days[0], days[-1], opening, closing, tuple(lines))


def _row(row: list[str], width: int, place: str) -> tuple[BankLine, tuple[str, str], int | None]:
    if len(row) != width:
        raise BadBankFile(f"{place}: {len(row)} fields, the header has {width}")
    account, day, amount, currency, reference, text, *balance = (cell.strip() for cell in row)
    line = BankLine(
        place=place,
        on=day_of(day, place),
        minor=minor_of(amount, currency, place),
        references=frozenset(filter(None, [reference])),
        text=text,
    )
    if line.minor == 0:
        raise BadBankFile(f"{place}: an amount of zero moves nothing")
    stands = minor_of(balance[0], currency, place) if balance and balance[0] else None
    return line, (number_of(account), currency), stands


def number_of(account: str) -> str:
    """An account's number without the blanks people write it with."""
    return "".join(account.split()).upper()


def day_of(text: str, place: str) -> date:
    """The day of an ISO date or instant. Raises BadBankFile."""
    try:
        if _DAY.fullmatch(text) is None:
            raise ValueError
        return date.fromisoformat(text[:10])
    except ValueError:
        raise BadBankFile(f"{place}: {text[:20]!r} is no day; write 2026-07-31") from None


def minor_of(text: str, currency: str, place: str) -> int:
    """Minor units; more digits than the currency has must be zero. Raises BadBankFile."""
    whole, _, fraction = text.partition(".")
    try:
        places = max(money.exponent(currency), 1)
        spare = fraction[places:]
        if spare.strip("0") == "" and fraction:
            text = f"{whole}.{fraction[:places]}"  # banks write 20.00000
        return money.minor_units(text, currency)
    except Malformed as fault:
        raise BadBankFile(f"{place}: {fault.reason}") from None


def account_of(statement: BankStatement, ours: Mapping[str, str], currency: str, name: str) -> str:
    """The account of our chart; `ours` has the numbers of ours at their banks, in our `currency`.

    Raises BadBankFile: another's account, or in another currency.
    """
    found = next((id for id, number in ours.items() if number == statement.number), None)
    if found is None:
        known = ", ".join(f"{id} = {number}" for id, number in ours.items()) or "none"
        raise BadBankFile(
            f"{name}: it is for another account, {statement.number}; ours are those of the "
            f"setting insurance.bank_accounts ({known})"
        )
    if statement.currency != currency:
        raise BadBankFile(f"{name}: it is in {statement.currency}, these books are in {currency}")
    return found
