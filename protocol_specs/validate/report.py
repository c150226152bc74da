"""Verdicts for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from protocol_specs.validate.rule import Severity
from protocol_specs.validate.rules import Verdict

CUT = 400
"""Characters of a reason that are shown."""


def lines(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """For people: the conversation, below it each message that has a fault, then the sum."""
    for verdict in verdicts:
        word = "PASS" if verdict.passes else "FAIL"
        yield f"{word}  {verdict.path}  ({verdict.messages} messages)"
        file = None
        for fault in verdict.faults:
            if fault.file != file:
                file = fault.file
                yield f"  {file}"
            mark = " warning" if fault.severity is Severity.WARNING else ""
            yield f"    [{fault.code}]{mark} {fault.reason[:CUT]}"
    total = summary(verdicts)
    yield (
        f"{total['flows']} conversations: {total['passed']} pass, {total['failed']} fail; "
        f"{total['messages']} messages, {total['errors']} faults, {total['warnings']} warnings"
    )


def document(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """For machines: {"flows": [{path, verdict, messages, faults: [...]}], "summary": {...}}."""
    return {
        "flows": [
            {
                "path": verdict.path,
                "verdict": "pass" if verdict.passes else "fail",
                "messages": verdict.messages,
                "faults": [
                    {
                        "file": fault.file,
                        "path": fault.path,
                        "code": fault.code,
                        "reason": fault.reason,
                        "severity": str(fault.severity),
                    }
                    for fault in verdict.faults
                ],
            }
            for verdict in verdicts
        ],
        "summary": summary(verdicts),
    }


def summary(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """Counts over all conversations."""
    faults = [fault for verdict in verdicts for fault in verdict.faults]
    warnings = sum(fault.severity is Severity.WARNING for fault in faults)
    passed = sum(verdict.passes for verdict in verdicts)
    return {
        "flows": len(verdicts),
        "passed": passed,
        "failed": len(verdicts) - passed,
        "messages": sum(verdict.messages for verdict in verdicts),
        "errors": len(faults) - warnings,
        "warnings": warnings,
    }
