"""A statement as PDF: A4, like a bank's pass-book, totals carried over from page to page.

Set in the bundled DejaVu Sans Condensed (fonts/LICENSE), which has the Latin scripts. For others
fonts are given by their files; a character that none of them has is refused, never drawn as a box.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Literal

from fontTools.ttLib import TTFont, TTLibError  # type: ignore[import-untyped]  # it ships no types
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import TTFFont

from bpp.declined import Declined
from bpp.insurance.statement.plain import of_job, standing
from bpp.insurance.statement.telling import KEY_SHOWN, Telling, harmless
from bpp.insurance.statement.values import ACCOUNTS, IN_ORDER, Job, Month, SchemePeriod, Statement

FAMILY = "wayfare"
LEFT_MM, RIGHT_MM, TOP_MM, BOTTOM_MM = 15.0, 15.0, 16.0, 18.0
WIDTH_MM = 210 - LEFT_MM - RIGHT_MM
ROW_MM, SMALL_MM = 5.0, 3.7
JOB_COLUMNS = (20.0, 35.0, 20.0, 20.0, 16.0, 21.0, 25.0, 23.0)
JOB_HEADS = ("day", "job", "fare", "off", "tip", "aside", "yours", "net")
INK, FAINT, BAND = (20, 24, 32), (95, 100, 110), (233, 237, 243)
PERIOD_COLUMNS = (50.0, *[21.0] * 5, 25.0)
ACCOUNT_COLUMNS = (72.0, *[27.0] * 4)

Align = Literal["L", "R"]


def drawn(statement: Statement, language: str = "en", fonts: Sequence[Path] = ()) -> bytes:
    """The PDF's bytes, the same each time. Raises Declined: a language, a font, a character."""
    sheet = _Sheet(statement, Telling.of(statement, language))
    try:
        sheet.load(fonts)
        return _filled(sheet)
    finally:
        sheet.close_fonts()


def _filled(sheet: "_Sheet") -> bytes:
    sheet.add_page()
    _head(sheet)
    _summary(sheet)
    _periods(sheet)
    _missing(sheet)
    for month in sheet.statement.months:
        if month.jobs or month.movements or month.notices:
            _month(sheet, month)
    _foot(sheet)
    return bytes(sheet.output())


class _Sheet(FPDF):
    """The paper: fonts, the head and foot of each page, and rows that are carried over."""

    def __init__(self, statement: Statement, tell: Telling) -> None:
        super().__init__(orientation="portrait", unit="mm", format="A4")
        self.statement, self.tell = statement, tell
        self.over: Callable[[], None] | None = None  # drawn above the rows of a new page
        self.set_margins(LEFT_MM, TOP_MM, RIGHT_MM)
        self.set_auto_page_break(False)
        self.set_title(tell.say("title"))
        self.set_creator("Wayfare")
        self.set_lang("en")
        self.set_creation_date(datetime.fromtimestamp(statement.made_at, UTC))
        self.alias_nb_pages("{nb}")

    def close_fonts(self) -> None:
        """The library leaves the files of fonts open."""
        for font in self.fonts.values():
            if isinstance(font, TTFFont):
                font.ttfont.close()

    def load(self, fonts: Sequence[Path]) -> None:
        """The bundled fonts and these. Raises Declined for a file that is none."""
        own = files("bpp.insurance.statement") / "fonts"
        self.add_font(FAMILY, "", str(own / "DejaVuSansCondensed.ttf"))
        self.add_font(FAMILY, "B", str(own / "DejaVuSansCondensed-Bold.ttf"))
        names = []
        for n, path in enumerate(fonts):
            try:
                with path.open("rb") as given:  # the library would leave a wrong file open
                    TTFont(given, fontNumber=0).close()
                for style in ("", "B"):
                    self.add_font(f"given{n}", style, str(path))
            except (OSError, ValueError, KeyError, TTLibError) as error:
                raise Declined(f"the font {path} cannot be used: {error}") from None
            names.append(f"given{n}")
        self.set_font(FAMILY, "", 8)
        if names:
            self.set_fallback_fonts(names, exact_match=False)
            self.set_text_shaping(True)  # Indian scripts are drawn wrong without it

    def header(self) -> None:
        if self.page_no() == 1:
            return
        say = self.tell.say
        self.write_line(say("of", worker=self.statement.worker, issuer=self.statement.issuer), 7.5)
        self.rule()
        if self.over is not None:
            self.over()

    def footer(self) -> None:
        self.set_y(-12)
        self.ink(7, colour=FAINT)
        says = self.shown(self.tell.say("says"))
        self.cell(WIDTH_MM * 0.75, 4, says, new_x=XPos.RIGHT, new_y=YPos.TOP)
        page = self.tell.words["page"].format(page=self.page_no(), pages="{nb}")
        self.cell(WIDTH_MM * 0.25, 4, page, align="R")

    def ink(self, size: float, style: Literal["", "B"] = "", colour: Sequence[int] = INK) -> None:
        self.set_font(FAMILY, style, size)
        self.set_text_color(*colour)

    def shown(self, text: str) -> str:
        """The text, once every character of it can be drawn. Raises Declined."""
        written = harmless(text)
        fonts = [font for font in self.fonts.values() if isinstance(font, TTFFont)]
        for each in written:
            if not any(ord(each) in font.cmap for font in fonts):
                raise Declined(
                    f"no font here has {each!r} (U+{ord(each):04X}) of {written[:40]!r}: name a "
                    "font file that has it in insurance.statement_fonts"
                )
        return written

    def room(self, height: float) -> None:
        """A new page if so much is not left on this one."""
        if self.get_y() + height > 297 - BOTTOM_MM:
            self.add_page()

    def rule(self) -> None:
        self.set_draw_color(*FAINT)
        self.set_line_width(0.2)
        self.line(LEFT_MM, self.get_y() + 0.6, 210 - RIGHT_MM, self.get_y() + 0.6)
        self.ln(1.8)

    def write_line(
        self, text: str, size: float, style: Literal["", "B"] = "", colour: Sequence[int] = INK
    ) -> None:
        """A paragraph over the whole width."""
        self.ink(size, style, colour)
        height = size * 0.46
        self.room(height)
        self.multi_cell(
            WIDTH_MM, height, self.shown(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )

    def heading(self, text: str) -> None:
        self.room(24)
        self.ln(3.5)
        self.write_line(text, 11, "B")
        self.ln(0.8)

    def row(
        self,
        cells: Sequence[str],
        widths: Sequence[float],
        *,
        style: Literal["", "B"] = "",
        band: bool = False,
        left: int = 1,
        size: float = 8,
    ) -> None:
        """One row: the first `left` cells to the left, amounts to the right."""
        self.set_fill_color(*BAND)
        for index, (text, width) in enumerate(zip(cells, widths, strict=True)):
            self.ink(size, style)
            align: Align = "L" if index < left else "R"
            fitted = self._fitted(self.shown(text), width - 2, align)
            self.cell(
                width, ROW_MM, fitted, align=align, fill=band, new_x=XPos.RIGHT, new_y=YPos.TOP
            )
        self.ln(ROW_MM)

    def _fitted(self, text: str, width: float, align: Align) -> str:
        """A name that is too long for its cell ends in an ellipsis; an amount gets smaller."""
        while align == "R" and self.get_string_width(text) > width and self.font_size_pt > 3:
            self.set_font_size(self.font_size_pt - 0.5)
        if align == "R" or self.get_string_width(text) <= width:
            return text
        while text and self.get_string_width(text + "…") > width:
            text = text[:-1]
        return text + "…"


def _head(sheet: _Sheet) -> None:
    statement, say = sheet.statement, sheet.tell.say
    sheet.write_line(say("title"), 20, "B")
    sheet.write_line(say("of", worker=statement.worker, issuer=statement.issuer), 10)
    span = say(
        "span",
        first=statement.first_month,
        last=statement.last_month,
        currency=statement.currency,
        zone=statement.zone,
    )
    sheet.write_line(span, 9)
    made = say("made", at=sheet.tell.instant(statement.made_at))
    sheet.write_line(f"{made}. {say('worker_is')}", 8, colour=FAINT)
    sheet.ln(1.5)
    sheet.ink(9, "B")
    sheet.set_draw_color(*INK)
    sheet.set_line_width(0.3)
    sheet.multi_cell(
        WIDTH_MM,
        7,
        sheet.shown(say("says")),
        border=1,
        align="C",
        new_x=XPos.LMARGIN,
        new_y=YPos.NEXT,
    )


def _summary(sheet: _Sheet) -> None:
    sheet.heading(sheet.tell.say("summary", month=sheet.statement.last_month))
    for name, minor in standing(sheet.statement, sheet.tell):
        sheet.row((name, sheet.tell.amount(minor)), (WIDTH_MM - 40, 40), size=9)


def _periods(sheet: _Sheet) -> None:
    tell = sheet.tell
    if not (sheet.statement.periods or sheet.statement.answers):
        return
    sheet.heading(tell.say("periods"))
    heads = (tell.say("period"), tell.say("set_aside"), *(tell.say(each) for each in IN_ORDER))
    sheet.row(heads, PERIOD_COLUMNS, style="B", band=True, size=7.4)
    for period in sheet.statement.periods:
        _period(sheet, period)
    for answer in sheet.statement.answers:
        sheet.write_line(tell.cover(answer), 8.5)


def _period(sheet: _Sheet, period: SchemePeriod) -> None:
    tell = sheet.tell
    amounts = (period.total_minor, *(period.standing(stands) for stands in IN_ORDER))
    name = f"{period.scheme} {period.period}"
    sheet.room(ROW_MM + 3 * SMALL_MM)
    sheet.row((name, *(tell.amount(each) for each in amounts)), PERIOD_COLUMNS, style="B")
    notes = "; ".join(tell.period_notes(period, sheet.statement.answers))
    sheet.write_line(f"{period.title}: {notes}", 7.2, colour=FAINT)
    for step in period.steps:
        sheet.write_line(tell.step(step), 7.2)
    sheet.rule()


def _missing(sheet: _Sheet) -> None:
    tell = sheet.tell
    sheet.heading(tell.say("missing"))
    told = [tell.missing(each) for each in sheet.statement.missing]
    for each in told or [tell.say("nothing_missing")]:
        sheet.write_line(each, 8.5)


def _month(sheet: _Sheet, month: Month) -> None:
    tell = sheet.tell
    sheet.heading(tell.say("month", month=month.name))
    if month.jobs:
        _jobs(sheet, month)
    else:
        sheet.write_line(tell.say("no_jobs"), 8.5)
    _accounts(sheet, month)
    if month.movements:
        sheet.ln(1)
        sheet.write_line(tell.say("moved"), 8.5, "B")
    for movement in month.movements:
        changes = ((name, getattr(movement, f"{name}_minor")) for name in ACCOUNTS)
        told = ", ".join(
            f"{tell.say(name)} {tell.signed(minor)}" for name, minor in changes if minor
        )
        what = f"{tell.day(movement.at)}  {tell.movement(movement)} ({movement.reference}): {told}"
        sheet.write_line(what, 8)
    if month.notices:
        sheet.ln(1)
        sheet.write_line(tell.say("notices"), 8.5, "B")
    for notice in month.notices:
        sheet.write_line(f"{tell.day(notice.at)}  {notice.text}", 8)


def _jobs(sheet: _Sheet, month: Month) -> None:
    """One row a job with its reasons under it; what was summed so far goes over to a new page."""
    tell, sums = sheet.tell, [0] * 6

    def heads() -> None:
        sheet.row([tell.say(head) for head in JOB_HEADS], JOB_COLUMNS, style="B", band=True, left=2)

    def total(name: str) -> None:
        cells = ("", *(tell.amount(each) for each in sums))
        sheet.row((name, *cells[1:]), (sum(JOB_COLUMNS[:2]), *JOB_COLUMNS[2:]), style="B")

    def brought() -> None:
        heads()
        total(tell.say("brought"))

    heads()
    for job in month.jobs:
        reasons = _reasons(tell, job)
        if sheet.get_y() + ROW_MM * 2 + SMALL_MM * _lines(sheet, reasons) > 297 - BOTTOM_MM:
            total(tell.say("carried"))
            sheet.over = brought
            sheet.add_page()
            sheet.over = None
        amounts = of_job(job)
        sums[:] = [one + other for one, other in zip(sums, amounts, strict=True)]
        name = " ".join(each for each in (job.order_key[:KEY_SHOWN], tell.job(job)) if each)
        cells = (tell.day(job.at), name, *(tell.amount(minor) for minor in amounts))
        sheet.row(cells, JOB_COLUMNS, left=2)
        for reason in reasons:
            sheet.write_line(reason, 7, colour=FAINT)
    sheet.rule()
    sheet.room(ROW_MM)
    total(tell.say("total", month=month.name))


def _reasons(tell: Telling, job: Job) -> list[str]:
    """Why each amount of the job, and which slip says so."""
    return [
        f"{each.scheme} {tell.amount(each.amount_minor)}: {tell.why(each)}. "
        f"{tell.say('slip')} {(each.slip_id or '-')[:KEY_SHOWN]}"
        for each in job.contributions
    ]


def _lines(sheet: _Sheet, texts: Iterable[str]) -> int:
    """How many lines these paragraphs take in the small print."""
    sheet.ink(7)
    return sum(1 + int(sheet.get_string_width(text) / (WIDTH_MM * 0.97)) for text in texts)


def _accounts(sheet: _Sheet, month: Month) -> None:
    tell = sheet.tell
    sheet.room(ROW_MM * 6)
    sheet.ln(2)
    heads = ("account", "opening", "by_jobs", "by_other", "closing")
    named = [tell.say(head) for head in heads]
    named[0] = tell.say("accounts", month=month.name)
    sheet.row(named, ACCOUNT_COLUMNS, style="B", band=True)
    for each in month.accounts:
        amounts = (tell.amount(each.opening_minor), tell.signed(each.jobs_minor))
        after = (tell.signed(each.other_minor), tell.amount(each.closing_minor))
        sheet.row((tell.say(each.name), *amounts, *after), ACCOUNT_COLUMNS)


def _foot(sheet: _Sheet) -> None:
    sheet.room(14)
    sheet.ln(4)
    sheet.write_line(sheet.tell.say("check"), 7.5, colour=FAINT)
    sheet.write_line(sheet.tell.say("key", key=sheet.statement.ledger_key), 7.5, colour=FAINT)
