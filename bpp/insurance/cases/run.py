"""Runs a file of worked cases: each kind has one function from input to answer, on the engine."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bpp.insurance.cases import jobs, months
from bpp.insurance.cases.values import CaseRefused, Input, Read
from bpp.insurance.scheme import NotInsurable
from protocol_specs.wire import strict_json
from protocol_specs.wire.errors import Malformed

KINDS: MappingProxyType[str, Callable[[Input], Input]] = MappingProxyType(
    {
        function.__name__: function
        for function in (
            jobs.cumulative,
            jobs.cumulative_n,
            jobs.events,
            jobs.feda,
            jobs.micro_to_flat,
            jobs.pct_capped,
            jobs.pct_capped_refund,
            jobs.per_order,
            jobs.trip_base,
            months.adjust_closed,
            months.commission,
            months.control,
            months.coverage,
            months.cpf,
            months.cpf_ladder,
            months.cpf_overwithheld,
            months.due_day_next_month,
            months.due_working_days,
            months.engagement_days,
            months.flat_discount,
            months.month_close,
            months.monthly_part_interest,
            months.msc,
            months.optin,
            months.pct,
            months.period,
            months.plan_benefit,
            months.plan_contribution,
            months.recon,
            months.simple_interest,
            months.threshold_gross,
            months.turnover,
            months.two_collectors,
        )
    }
)


class NoCases(Exception):
    """The file holds no cases that could be run; the text says why."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One case whose answer is another than it expects; `got` is text if it was refused."""

    id: str
    kind: str
    expected: Any
    got: Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many cases ran, by kind, and those that are wrong."""

    ran: Counter[str]
    wrong: tuple[Mismatch, ...]


def run_file(path: Path) -> Outcome:
    """Every case of the file. Raises NoCases."""
    try:
        document = strict_json.parse(path.read_bytes())
    except OSError as error:
        raise NoCases(f"{path} cannot be read: {error.strerror}") from None
    except Malformed as error:
        raise NoCases(f"{path} is not JSON: {error}") from None
    return run_cases(_cases(document, str(path)))


def run_cases(cases: Sequence[Input]) -> Outcome:
    """Each case once, in turn."""
    found = [_run(case) for case in cases]
    ran = Counter(str(case["kind"]) for case in cases)
    return Outcome(ran, tuple(each for each in found if each is not None))


def answer(kind: str, given: Input) -> Input:
    """What the engine says to one input. Raises CaseRefused."""
    work_out = KINDS.get(kind)
    if work_out is None:
        raise CaseRefused(f"kind {kind!r} is not known; docs/vectors.md lists those that are")
    read = Read(given)
    try:
        found = work_out(read)
    except NotInsurable as refusal:
        raise CaseRefused(str(refusal)) from None
    read.require_all_asked()
    return found


def _run(case: Input) -> Mismatch | None:
    try:
        got: Any = answer(case["kind"], case["input"])
    except CaseRefused as refusal:
        got = f"refused: {refusal}"
    if got == case["expect"]:
        return None
    return Mismatch(case["id"], case["kind"], case["expect"], got)


def _cases(document: Any, name: str) -> list[Input]:
    cases = document.get("vectors") if isinstance(document, dict) else None
    if not isinstance(cases, list) or not cases:
        raise NoCases(f'{name} holds no cases: an object with a list "vectors" is needed')
    seen: set[str] = set()
    for place, case in enumerate(cases):
        fault = _fault(case, seen)
        if fault:
            raise NoCases(f"{name}: vectors[{place}]: {fault}")
        seen.add(case["id"])
    return cases


def _fault(case: Any, seen: set[str]) -> str | None:
    if not isinstance(case, dict):
        return "a case is an object"
    for key, kind in (("id", str), ("kind", str), ("input", dict), ("expect", dict)):
        if not isinstance(case.get(key), kind):
            return f"{key!r} is missing, or is not what it must be"
    return f"the id {case['id']!r} stands twice" if case["id"] in seen else None
