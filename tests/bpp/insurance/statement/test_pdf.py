"""The PDF: pages that a person can read, totals carried over, no box in place of a character."""

from pathlib import Path

import pypdfium2  # type: ignore[import-untyped]  # it ships no types
import pytest

from bpp.declined import Declined
from bpp.insurance.statement import pdf
from bpp.insurance.statement.telling import Telling
from bpp.insurance.statement.values import Notice, Statement
from protocol_specs.wire.values import replace
from tests.bpp.insurance.statement.support import random_books, told
from tests.bpp.insurance.statement.test_statement import hostile


def pages(body: bytes) -> list[str]:
    found = pypdfium2.PdfDocument(body)
    try:
        return [found[n].get_textpage().get_text_bounded() for n in range(len(found))]
    finally:
        found.close()


@pytest.fixture(scope="module")
def statement(tmp_path_factory: pytest.TempPathFactory) -> Statement:
    return told(random_books(tmp_path_factory.mktemp("books"), seed=3, jobs=60))


def test_it_is_a4_with_numbered_pages_and_every_amount_of_the_statement(
    statement: Statement,
) -> None:
    body = pdf.drawn(statement)
    found = pages(body)
    assert len(found) > 2
    for n, text in enumerate(found, 1):
        assert f"Page {n} of {len(found)}" in text
        assert "No part of it is proof of cover" in text
    whole, tell = "\n".join(found), Telling.of(statement, "en")
    for month in statement.months:
        for job in month.jobs:
            assert tell.amount(job.net_minor) in whole
        if month.jobs:
            assert f"Total of {month.name}" in whole
    first = pypdfium2.PdfDocument(body)
    assert [round(side) for side in first[0].get_size()] == [595, 842]
    first.close()


def test_what_was_summed_is_carried_to_the_next_page(statement: Statement) -> None:
    found = pages(pdf.drawn(statement))
    over = [n for n, text in enumerate(found) if "carried over" in text]
    assert over
    for n in over:
        left = next(line for line in found[n].splitlines() if line.startswith("carried over"))
        right = next(
            line for line in found[n + 1].splitlines() if line.startswith("brought forward")
        )
        assert left.removeprefix("carried over") == right.removeprefix("brought forward")


def test_the_same_statement_is_the_same_bytes(statement: Statement) -> None:
    assert pdf.drawn(statement) == pdf.drawn(statement)


def test_it_speaks_malay(statement: Statement) -> None:
    assert "Buku akaun" in pages(pdf.drawn(statement, "ms"))[0]


def test_a_character_that_no_font_has_is_refused_and_told(statement: Statement) -> None:
    month = replace(statement.months[0], notices=(Notice(0, "ನಮಸ್ಕಾರ"),))
    wrong = replace(statement, months=(month, *statement.months[1:]))
    with pytest.raises(Declined, match=r"U\+0CA8.*statement_fonts"):
        pdf.drawn(wrong)


def test_a_font_that_is_none_is_refused(statement: Statement, tmp_path: Path) -> None:
    no_font = tmp_path / "x.ttf"
    no_font.write_bytes(b"not a font")
    for path in (no_font, tmp_path / "absent.ttf"):
        with pytest.raises(Declined, match=path.name):
            pdf.drawn(statement, fonts=(path,))


def test_hostile_text_and_huge_amounts_are_drawn_harmless_and_whole(statement: Statement) -> None:
    month = statement.months[0]
    rich = replace(month.jobs[0], fare_minor=10**15)
    many = replace(statement, months=(replace(month, jobs=(rich, *month.jobs[1:])),))
    assert "10000000000000.00" in "\n".join(pages(pdf.drawn(many)))
    assert pages(pdf.drawn(hostile(statement)))
