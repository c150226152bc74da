"""Reads schemes from their files, strictly: a typo, a doubled date, a missing part is refused."""

import dataclasses
import difflib
import tomllib
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bpp.insurance import figures as parts
from bpp.insurance.engine import calendar
from bpp.insurance.figures import Dated
from bpp.insurance.scheme import FIGURES, TOLD_APART_BY, Scheme

PACKS = Path(__file__).parent / "schemes"

# Which figures each form is made of: those it must have, and those it may.
_FORMS: dict[str, tuple[set[str], set[str]]] = {
    "percent": ({"base", "rate"}, {"job_cap", "period_cap", "plan", "plan_rule"}),
    "per_unit": ({"unit_amount"}, set()),
    "flat": ({"flat"}, {"discount"}),
    "shares": ({"base", "expense", "tier", "ladder", "age_band", "opt_in"}, set()),
    "plans": ({"plan", "plan_rule"}, {"benefit"}),
    "turnover": ({"turnover"}, set()),
}
_ANY_FORM = {"due", "late", "cover", "retention"}
_BY_PERIOD = ("period_cap", "flat", "plan", "plan_rule", "tier", "ladder", "age_band")


class SchemeError(Exception):
    """A pack that must not be used; the text names the file, the key and what to do."""


_ADAPTER = TypeAdapter(Scheme)


def load_pack(path: Path) -> Scheme:
    """Read one pack. Raises SchemeError naming file and key: unknown, missing, twice dated."""
    table = read_toml(path)
    plans_of = table.get("plans_of")
    if isinstance(plans_of, str):
        table = _with_plans(table, path, plans_of)
    try:
        scheme = _ADAPTER.validate_python(table)
    except ValidationError as error:
        raise SchemeError(f"{path.name}: {_explain(error)}") from None
    for fault in _contradictions(scheme, path.stem):
        raise SchemeError(f"{path.name}: {fault}")
    return scheme


@lru_cache(maxsize=64)
def load(scheme_id: str) -> Scheme:
    """The shipped pack of that id, read once."""
    if not scheme_id.replace(".", "").replace("-", "").isalnum():
        raise SchemeError(f"{scheme_id!r} is not the id of a scheme")
    return load_pack(PACKS / f"{scheme_id}.toml")


def shipped() -> tuple[str, ...]:
    """The ids of the packs that come with this program."""
    return tuple(sorted(path.stem for path in PACKS.glob("*.toml")))


def read_toml(path: Path) -> dict[str, Any]:
    """The file's table. Raises SchemeError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if path.parent != PACKS:
            raise SchemeError(f"{path}: no such file") from None
        known = ", ".join(sorted(found.stem for found in path.parent.glob("*.toml")))
        raise SchemeError(f"{path.name}: no such scheme; known: {known or 'none'}") from None
    except OSError as error:
        raise SchemeError(f"{path.name}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SchemeError(f"{path.name}: not a TOML file: {error}") from None


def _with_plans(table: dict[str, Any], path: Path, plans_of: str) -> dict[str, Any]:
    """With the plans of the other scheme, which stand in one file only, and with their sources."""
    beside = path.parent / f"{plans_of}.toml"
    other = read_toml(beside if beside.exists() else PACKS / f"{plans_of}.toml")
    for key in ("plan", "plan_rule"):
        if key in table:
            raise SchemeError(f"{path.name}: key {key!r}: it stands in {plans_of}; take it out")
    plans = {key: other.get(key, []) for key in ("plan", "plan_rule")}
    cited = {str(each.get("source")) for figures in plans.values() for each in figures}
    sources = {name: text for name, text in other.get("sources", {}).items() if name in cited}
    return {**table, **plans, "sources": sources | table.get("sources", {})}


def _contradictions(scheme: Scheme, stem: str) -> Iterable[str]:
    if scheme.id != stem:
        yield f"key 'id': {scheme.id!r} stands in the file of {stem!r}"
    yield from _parts_of_the_form(scheme)
    if scheme.base and scheme.base.codes_in & scheme.base.codes_out:
        both = ", ".join(sorted(scheme.base.codes_in & scheme.base.codes_out))
        yield f"key 'base': {both} both in and out"
    yield from _dates(scheme)
    yield from _vehicles(scheme)
    cited = {part.source for part in scheme.sourced().values()}
    for source in sorted(cited - scheme.sources.keys()):
        yield f"key 'sources': no source {source!r}; add it with text, seen and checked_on"


def _parts_of_the_form(scheme: Scheme) -> Iterable[str]:
    needed, allowed = _FORMS[scheme.form]
    for key in sorted(needed):
        if not getattr(scheme, key):
            what = "no figure" if key in FIGURES else "it is missing"
            yield f"key {key!r}: {what}; the form {scheme.form!r} needs it"
    for key in ("base", *FIGURES):
        if getattr(scheme, key) and key not in needed | allowed | _ANY_FORM:
            yield f"key {key!r}: the form {scheme.form!r} has no use for it; take it out"
    if (scheme.borne_by == "both") != (scheme.form == "shares"):
        yield f"key 'borne_by': {scheme.borne_by!r} does not go with the form {scheme.form!r}"
    if not scheme.due:
        yield "key 'due': no figure; say rule = \"unknown\" if nobody could tell"
    for name, values in scheme.options.items():
        if not values:
            yield f"key 'options': {name} has no value; the first one is the default"


def _dates(scheme: Scheme) -> Iterable[str]:
    for key, figures in scheme.figures().items():
        count = Counter((_told_apart(figure), figure.from_day) for figure in figures)
        for (what, day), n in count.items():
            if n > 1:
                yield (
                    f"key {key!r}: {' '.join([*what, str(day)])} stands twice; a figure has one "
                    "value a day: give the new one its own 'from'"
                )
        if key in _BY_PERIOD:
            for figure in figures:
                first = calendar.first_day(calendar.period_name(figure.from_day, scheme.period))
                if figure.from_day != first:
                    yield (
                        f"key {key!r}: {figure.from_day} is not the first day of a period; "
                        f"that one began on {first}"
                    )
    for discount in scheme.discount:
        if discount.until < discount.from_day:
            yield f"key 'discount': it ends on {discount.until}, before it begins"


def _told_apart(figure: Dated) -> tuple[str, ...]:
    return tuple(str(getattr(figure, key)) for key in TOLD_APART_BY if hasattr(figure, key))


def _vehicles(scheme: Scheme) -> Iterable[str]:
    classes = [name for names in scheme.vehicle_classes.values() for name in names]
    for name in {name for name in classes if classes.count(name) > 1}:
        yield f"key 'vehicle_classes': {name!r} is in two classes"
    used: list[tuple[str, Iterable[str]]] = [
        *(("job_cap", each.amounts) for each in scheme.job_cap),
        *(("unit_amount", each.amounts) for each in scheme.unit_amount),
        *(("expense", each.shares) for each in scheme.expense),
    ]
    for key, names in used:
        for name in sorted(set(names) - scheme.vehicle_classes.keys()):
            yield f"key {key!r}: {name!r} is no class of 'vehicle_classes'; list it there first"
    tiers = scheme.options.get("unit_tier", ())
    for amount in scheme.unit_amount:
        if amount.tier is not None and amount.tier not in tiers:
            yield f"key 'unit_amount': tier {amount.tier!r} is no value of 'options.unit_tier'"


def _explain(error: ValidationError) -> str:
    unknown = ("unexpected_keyword_argument", "extra_forbidden")
    faults: list[Any] = sorted(error.errors(), key=lambda fault: fault["type"] not in unknown)
    fault = faults[0]  # a misspelt key explains the missing one
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] in unknown:
        near = difflib.get_close_matches(str(fault["loc"][-1]), _known_keys(), n=1)
        return f"unknown key {key!r}" + (
            f"; did you mean {near[0]!r}?" if near else "; take it out"
        )
    return f"key {key!r}: {fault['msg']}"


def _known_keys() -> list[str]:
    classes = [Scheme, *(each for each in vars(parts).values() if isinstance(each, type))]
    found = {
        field.name for each in classes if dataclasses.is_dataclass(each)
        for field in dataclasses.fields(each)
    }  # fmt: skip
    return ["from", "in", "out", *sorted(found)]
