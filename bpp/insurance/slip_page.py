"""A slip as one printable page: HTML with its own style, A5, no script, nothing to be fetched."""

from collections.abc import Iterable
from html import escape

from bpp.insurance import slip_qr
from bpp.insurance import slip_words as words
from bpp.insurance.slip_check import Verdict
from bpp.insurance.slip_shape import CapShown, SlipShown

Row = tuple[str, str]

STYLE = """
@page { size: A5; margin: 7mm 8mm }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 132mm; font: 8pt/1.25 system-ui, sans-serif; color: #111;
  background: #fff }
header { display: flex; justify-content: space-between; align-items: baseline; gap: 4mm;
  border-bottom: .6mm solid #111; padding-bottom: 1mm }
h1 { font-size: 14pt; margin: 0 }
h2 { font-size: 8pt; margin: 0 0 .5mm }
p { margin: .8mm 0 }
table { width: 100%; border-collapse: collapse; margin-top: 1.5mm }
td { padding: .2mm 0; vertical-align: top; overflow-wrap: anywhere }
.amount { font-size: 20pt; font-weight: 700; margin: 1mm 0 }
.says { border: .4mm solid #111; padding: 1mm 2mm; font-weight: 600; font-size: 9pt }
.sums td + td { text-align: right; white-space: nowrap; padding-left: 3mm;
  font-variant-numeric: tabular-nums }
.sums .total td { border-top: .2mm solid #111; font-weight: 600 }
.facts td:first-child { width: 22mm; color: #444 }
.check { display: flex; gap: 4mm; margin-top: 2mm; break-inside: avoid }
.check svg { width: 56mm; height: 56mm; flex: none; background: #fff }
.check > div { min-width: 0 }
.check > div, .small { font-size: 6.8pt; overflow-wrap: anywhere }
.check h2, .small h2 { font-size: 7.2pt; margin-top: 1mm }
@media screen { body { padding: 8mm 4mm } }
@media screen and (max-width: 480px) { .check { flex-wrap: wrap; font-size: 8pt } }
"""


def page(verdict: Verdict) -> str:
    """The page of a slip that holds, in English: the texts are in `slip_words`."""
    slip = verdict.slip
    title = words.TITLE[slip.kind]
    parts = (
        f"<header><h1>{escape(title)}</h1><span>{escape(slip.issuer)}</span></header>",
        _headline(slip),
        f'<table class="sums">{"".join(_sums(slip))}</table>',
        _facts(slip),
        _check(verdict),
        _unverified(slip),
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)} {slip.slip_id}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{chr(10).join(parts)}\n</body>\n</html>\n"
    )


def _headline(slip: SlipShown) -> str:
    """How much, what may be said of it, where it is."""
    amount = f"{slip.currency} {words.amount(slip, slip.order_line.amount_minor)}"
    sentences = (words.money_is(slip), words.why_nothing(slip), words.state(slip))
    return (
        f'<p class="amount">{escape(amount)}</p><p class="says">{escape(slip.says)}</p>'
        + "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences if sentence)
    )


def _sums(slip: SlipShown) -> Iterable[str]:
    """How the amount comes about, line by line."""
    base, order, period = slip.base, slip.order_line, slip.period_line
    for line in base.lines:
        yield _sum(words.fare_code(line.code), words.amount(slip, line.amount_minor))
    if base.commission_minor:
        yield _sum(words.LABEL["commission"], words.amount(slip, -base.commission_minor))
    if base.refund_minor:
        yield _sum(words.LABEL["refund"], words.amount(slip, -base.refund_minor))
    if slip.rate.what in ("rate", "net"):
        yield _sum(words.LABEL["base"], words.amount(slip, base.base_minor), is_total=True)
    yield _sum(_figure(slip), words.major(slip, slip.exact))
    yield from _shares(slip)
    yield from _cap("job_cap", slip, slip.job_cap)
    yield _sum(words.LABEL["order"], words.amount(slip, order.amount_minor), is_total=True)
    moved = order.posted_minor + period.posted_minor
    yield _sum(words.LABEL["moved"], words.amount(slip, moved))
    if period.posted_minor:
        yield _sum(words.LABEL["moved_period"], words.amount(slip, period.posted_minor))
    yield _sum(words.LABEL["due"], words.amount(slip, order.due_minor + period.due_minor))
    so_far = words.LABEL["period_tiers" if slip.shares else "period"]
    name = so_far.format(period=period.origin_period)
    yield _sum(name, words.amount(slip, period.total_minor), is_total=True)
    yield from _cap("period_cap", slip, period.cap)


def _shares(slip: SlipShown) -> Iterable[str]:
    """Each bearer's part of what is left, where two bear it."""
    if slip.shares is None:
        return
    order, shares = slip.order_line, slip.shares
    for label, rate, minor in (
        ("share_worker", shares.worker_rate, order.worker_minor),
        ("share_cooperative", shares.cooperative_rate, order.amount_minor - order.worker_minor),
    ):
        doubt = "" if shares.verified else f" ({words.LABEL['verified_no']})"
        name = words.LABEL[label].format(percent=words.percent(rate)) + doubt
        yield _sum(name, words.amount(slip, minor))


def _figure(slip: SlipShown) -> str:
    """The figure, since when, by what source, and whether that was confirmed."""
    rate = slip.rate
    what = words.FIGURE[rate.what].format(percent=words.percent(rate.value))
    doubt = "" if rate.verified else f"; {words.LABEL['verified_no']}"
    return f"{what} ({rate.from_day}{doubt})"


def _cap(label: str, slip: SlipShown, cap: CapShown | None) -> Iterable[str]:
    if cap is None:
        return
    doubt = "" if cap.verified else f"; {words.LABEL['verified_no']}"
    name = f"{words.LABEL[label]} ({cap.from_day}{doubt})"
    yield _sum(name, words.amount(slip, cap.amount_minor))


def _sum(name: str, amount: str, *, is_total: bool = False) -> str:
    row = ' class="total"' if is_total else ""
    return f"<tr{row}><td>{escape(name)}</td><td>{escape(amount)}</td></tr>"


def _facts(slip: SlipShown) -> str:
    """Whose scheme, by what law, who bears it, who owes it."""
    label, scheme, order = words.LABEL, slip.scheme, slip.order_line
    worker = words.amount(slip, order.worker_minor)
    cooperative = words.amount(slip, order.amount_minor - order.worker_minor)
    liable = words.LIABLE.get(slip.liable_party, slip.liable_party)
    rows: list[Row] = [
        (label["scheme"], f"{scheme.title} ({scheme.id}), {scheme.institution}"),
        (label["law"], scheme.law),
        (
            label["basis"],
            words.BASIS.get(scheme.basis, scheme.basis).format(mandate=scheme.mandate),
        ),
        (
            label["bears"],
            words.BORNE_BY[slip.borne_by].format(worker=worker, cooperative=cooperative),
        ),
        (label["liable"], f"{liable} ({slip.liable_source})"),
    ]
    told = "".join(f"<tr><td>{escape(a)}</td><td>{escape(b)}</td></tr>" for a, b in rows)
    return f'<table class="facts">{told}</table>'


def _check(verdict: Verdict) -> str:
    """The code, what whoever doubts this page does with it, and by what one finds it again."""
    slip, label = verdict.slip, words.LABEL
    proof = words.PROOF[verdict.proof].format(block=verdict.block)
    rows: list[Row] = [
        (label["issued"], words.local_time(slip)),
        (label["slip"], slip.slip_id),
        *([(label["supersedes"], slip.supersedes)] if slip.supersedes else []),
        (label["worker"], words.WORKER.format(worker=slip.worker)),
        (label["key"], slip.ledger_key),
    ]
    named = [f"{name}: {value}" for name, value in rows]
    told = "".join(
        f"<p>{escape(sentence)}</p>" for sentence in (words.ABOUT, proof, words.CHECK_TEXT, *named)
    )
    heading = f"<h2>{escape(words.CHECK_HEADING)}</h2>"
    return f'<div class="check">{_code(verdict)}<div>{heading}{told}</div></div>'


def _unverified(slip: SlipShown) -> str:
    """What of the scheme nobody of authority has confirmed."""
    if not slip.scheme.unverified:
        return ""
    told = escape("; ".join(slip.scheme.unverified))
    return f'<div class="small"><h2>{escape(words.LABEL["unverified"])}</h2><p>{told}.</p></div>'


def _code(verdict: Verdict) -> str:
    """The QR code as part of the page, or a sentence why there is none."""
    if verdict.signature is None:
        return f"<p>{escape(words.NO_CODE)}</p>"
    try:
        text = slip_qr.text(verdict.document, verdict.signature, verdict.inclusion)
    except slip_qr.TooLong:
        return f"<p>{escape(words.NO_CODE)}</p>"
    code = slip_qr.image(text)
    return code.svg_inline(border=slip_qr.QUIET_MODULES, omitsize=True)
