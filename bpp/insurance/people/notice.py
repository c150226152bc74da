"""The notice: what is taken, why, to whom, what it covers, from when, whom to ask. docs/people.md

Made of the scheme's own figures by templates in the worker's language. Its version is the SHA-256
of its exact bytes, so that a new figure, mark or word is a new version, to be shown again.
"""

import hashlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from bpp.declined import Declined
from bpp.insurance import figures as model
from bpp.insurance.engine import plans
from bpp.insurance.figures import Dated
from bpp.insurance.scheme import Scheme

FOLDER = Path(__file__).parent / "notices"
LANGUAGES = {
    "en": "English",
    "ms": "Bahasa Melayu",
    "kn": "ಕನ್ನಡ",
    "ml": "മലയാളം",
    "id": "Bahasa Indonesia",
    "zh": "中文",
}
"""What each language of a notice calls itself; pages are in fewer."""


@dataclass(frozen=True, slots=True)
class Notice:
    """The notice of a scheme in one language: its exact text, and its version."""

    scheme: str
    language: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def notices(scheme: Scheme, ask: str) -> dict[str, Notice]:
    """The scheme's notice in each language it has, by language. `ask`: whom a worker may ask."""
    return {
        name: Notice(scheme.id, name, _text(scheme, _language(name), ask))
        for name in LANGUAGES
        if scheme.id in _language(name)["schemes"]
    }


def current(scheme: Scheme, ask: str) -> frozenset[str]:
    """The versions that hold: whoever was shown one of them was told."""
    return frozenset(each.sha256 for each in notices(scheme, ask).values())


def notice(scheme: Scheme, ask: str, language: str) -> Notice:
    """The notice in that language. Raises Declined: nobody wrote it, and it is never guessed."""
    found = notices(scheme, ask)
    if language not in found:
        raise Declined(
            f"the notice of {scheme.id} is not written in {language!r}; there is: "
            f"{', '.join(found) or 'none'}"
        )
    return found[language]


@lru_cache(maxsize=len(LANGUAGES))
def _language(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def _text(scheme: Scheme, language: dict[str, Any], ask: str) -> str:
    words, own = language["words"], language["schemes"][scheme.id]
    bears, told = scheme.borne_by, {"institution": scheme.institution}
    which = f"{scheme.form}_{bears}" if scheme.form == "percent" else scheme.form
    since = bears if scheme.is_per_job else "others"
    lines = [
        words["title"].format(**own),
        words[f"what_{which}"].format(**told),
        *(
            f"- {line}{'' if verified else words['mark']}"
            for line, verified in _figures(scheme, language)
        ),
        words["why"].format(law=scheme.law),
        *([words["by_consent"]] if scheme.basis == "consent" and bears != "cooperative" else []),
        words["to"].format(**told),
        words[f"bears_{bears}"],
        *_cover(scheme, words, own),
        words[f"from_{'worker' if since == 'both' else since}"],
        words["ask"].format(ask=ask, **told),
        *([] if scheme.verified else [words["unverified"].format(**told)]),
    ]
    return "\n".join(lines) + "\n"


def _cover(scheme: Scheme, words: dict[str, str], own: dict[str, str]) -> list[str]:
    """What it covers and when that begins, by the scheme's own rule; a fund levy says fee."""
    if scheme.kind == "fund_levy":
        return [words["fee"]]
    told, mark = {"institution": scheme.institution}, "" if scheme.cover.verified else words["mark"]
    return [
        words["covers"].format(covers=own["covers"]),
        words[f"begins_{scheme.cover.mode}"].format(**told) + mark,
        words["no_proof"].format(**told),
    ]


def _figures(scheme: Scheme, language: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Every dated figure that decides an amount, in words, and whether it is verified.

    All days of the file stand there: so the text changes with the file alone, never with the day.
    """
    for key in _SHOWN:
        figures: tuple[Dated, ...] = getattr(scheme, key)
        if key == "plan" and scheme.form != "plans":
            continue  # another scheme's, whose own notice has them
        for figure in sorted(figures, key=lambda each: each.from_day):
            template = language["words"][key]
            values = _VALUES[key](scheme, figure, language)
            yield template.format(day=figure.from_day, **values), figure.verified
    if scheme.opt_in:
        yield _opted_out(scheme, language), scheme.opt_in[0].verified


def _percent(share: Decimal) -> str:
    return f"{(share * 100).normalize():f} %"


def _money(scheme: Scheme, amount: Decimal) -> str:
    return f"{amount} {scheme.currency}"


def _by_class(scheme: Scheme, figure: Any, language: dict[str, Any]) -> dict[str, str]:
    names = language.get("classes", {})
    amounts = ", ".join(
        f"{names.get(name, name)} {_money(scheme, amount)}"
        for name, amount in figure.amounts.items()
    )
    return {"sector": language["words"][figure.sector], "amounts": amounts}


def _expense(_: Scheme, figure: model.Expense, language: dict[str, Any]) -> dict[str, str]:
    names = language["classes"]
    shares = (f"{names[name]} {_percent(share)}" for name, share in figure.shares.items())
    return {"amounts": ", ".join(shares)}


def _ladder(scheme: Scheme, step: model.Ladder, language: dict[str, Any]) -> dict[str, str]:
    """Both parts on this step, age by age, where the figures of that day give them."""
    template = language["words"]["ladder_age"]
    ages = [
        template.format(
            age=band.up_to,
            worker=_percent(min(step.worker_max, band.savings + step.worker_add)),
            operator=_percent(step.operator),
        )
        if band.savings is not None and band.worker is None
        else template.format(
            age=band.up_to,
            worker=_percent(band.worker or Decimal(0)),
            operator=_percent(band.operator or Decimal(0)),
        )
        for band in _bands(scheme, step.from_day)
        if band.savings is not None or band.worker is not None
    ]
    return {"ages": "; ".join(ages)}


def _bands(scheme: Scheme, day: Any) -> list[model.AgeBand]:
    """The age bands of the latest day reached, the youngest first."""
    known = [band for band in scheme.age_band if band.from_day <= day]
    latest = max(band.from_day for band in known)
    return sorted((b for b in known if b.from_day == latest), key=lambda band: band.up_to)


def _opted_out(scheme: Scheme, language: dict[str, Any]) -> str:
    rule, words = max(scheme.opt_in, key=lambda each: each.from_day), language["words"]
    ages = "; ".join(
        words["opted_out_age"].format(age=band.up_to, savings=_percent(band.savings))
        for band in _bands(scheme, max(band.from_day for band in scheme.age_band))
        if band.savings is not None
    )
    return str(words["opted_out"].format(day=rule.mandatory_born_from, ages=ages))


def _tier(scheme: Scheme, tier: model.Tier, _: dict[str, Any]) -> dict[str, str]:
    return {
        "nothing": _money(scheme, tier.nothing_to),
        "operator": _money(scheme, tier.operator_only_to),
        "reduced": _money(scheme, tier.reduced_to),
    }


def _plan(scheme: Scheme, plan: model.Plan, _: dict[str, Any]) -> dict[str, str]:
    month = Decimal(plans.contribution_minor(scheme, plan, plan.from_day)).scaleb(-2)
    return {
        "name": plan.name,
        "amount": _money(scheme, month),
        "insured": _money(scheme, plan.insured),
    }


_VALUES: dict[str, Any] = {
    "rate": lambda s, f, _: {"percent": _percent(f.rate)},
    "job_cap": _by_class,
    "unit_amount": _by_class,
    "flat": lambda s, f, _: {"amount": _money(s, f.amount), "per_job": _money(s, f.per_job)},
    "discount": lambda s, f, _: {"until": f.until, "percent": _percent(f.share)},
    "plan": _plan,
    "expense": _expense,
    "tier": _tier,
    "ladder": _ladder,
    "turnover": lambda s, f, _: {
        "low": _percent(f.rate_min), "high": _percent(f.rate_max), "cap": _percent(f.payouts_cap),
    },
}  # fmt: skip
_SHOWN = tuple(_VALUES)
