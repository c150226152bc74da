"""What the operator's pages call things: states, checks, decisions, what the log says."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from protocol_specs.web.languages import N_, plain
from protocol_specs.web.visit import Visit

STATUS = {
    "SUBSCRIBED": (N_("takes part"), "good"),
    "SUSPENDED": (N_("suspended"), "warn"),
    "LEFT": (N_("left"), ""),
    "REMOVED": (N_("removed"), "bad"),
}
STATE = {
    "approval": (N_("waits for you"), "warn"),
    "challenge": (N_("being checked"), "info"),
    "refused": (N_("refused"), "bad"),
}
TYPES = {
    "BAP": N_("Citizens' platform"),
    "BPP": N_("Provider"),
    "BG": N_("Gateway"),
}
CHANGES = {
    "subscribed": N_("Joined"),
    "key added": N_("Added a key"),
    "key retired": N_("Key ended"),
    "suspended": N_("Suspended"),
    "reinstated": N_("Reinstated"),
    "removed": N_("Removed"),
    "unsubscribed": N_("Left"),
    "application refused": N_("Request refused"),
}
MARKS = {
    "passed": (N_("passed"), "good"),
    "failed": (N_("failed"), "bad"),
    "open": (N_("open"), "warn"),
}
FAULTS = {
    "reason_missing": N_("Say why: it stands in the log."),
    "challenge_open": N_("It has not answered its challenge yet."),
    "challenge_failed": N_("It failed its challenge and must ask again."),
    "refused": N_("This request is refused already."),
    "changed": N_("There is another request of it by now. Look at that first."),
    "unknown": N_("That is not so any more. Look at it again."),
    "unknown_key": N_("It has no such key."),
}


class Verb(NamedTuple):
    """A decision: its title and button, what will follow, whether it must be explained, its kind
    of button."""

    title: str
    button: str
    follows: str
    needs_reason: bool
    kind: str = "danger"


VERBS = {
    "approve": Verb(
        N_("Approve the request"),
        N_("Approve"),
        N_("It takes part from now on: others find it and trust its key."),
        False,
        "primary",
    ),
    "refuse": Verb(
        N_("Refuse the request"),
        N_("Refuse"),
        N_("The request ends. Who asked reads your reason."),
        True,
    ),
    "suspend": Verb(
        N_("Suspend"),
        N_("Suspend"),
        N_("Nobody finds it, and its messages are refused within 60 seconds, until you lift it."),
        True,
    ),
    "reinstate": Verb(
        N_("Lift the suspension"),
        N_("Reinstate"),
        N_("It takes part again as before."),
        False,
        "primary",
    ),
    "remove": Verb(
        N_("Remove with all keys"),
        N_("Remove"),
        N_("It is taken out with all its keys. It comes back only with new keys and your yes."),
        True,
    ),
    "retire": Verb(
        N_("End this key"),
        N_("End the key"),
        N_("The key is never valid again: for one that was lost or stolen."),
        True,
    ),
}


class Check(NamedTuple):
    """One thing that was checked of a request: passed, failed or open; and what was found."""

    mark: str
    what: str
    found: str


def said(visit: Visit, words: Mapping[str, tuple[str, str]], key: str) -> tuple[str, str]:
    """The word in this language, and the kind of its badge."""
    word, kind = words.get(key, (key, ""))
    return visit._(word), kind


def changed(visit: Visit, what: str) -> str:
    """What the log says, in this language where it is known."""
    return visit._(CHANGES[what]) if what in CHANGES else what


def checks(visit: Visit, row: Mapping[str, Any]) -> list[Check]:
    """Everything that was or is to be checked of an application, in the order of checking."""
    _, signed = visit._, row["signed_with"]
    by = _("with %(key)s, a key it has", key=signed) if signed else _("with the key it brings")
    return [
        Check("passed", _("Every field, against the network's rules"), _("well formed, allowed")),
        Check("passed", _("Signature"), by),
        Check("passed", _("Key and key id"), _("nobody else's")),
        *_answered(visit, row),
        *_admission(visit, row),
    ]


def _answered(visit: Visit, row: Mapping[str, Any]) -> list[Check]:
    """The challenge at its urls; nothing where it was refused before one had answered."""
    _ = visit._
    what = _("Its address answers, and holds the key")
    if row["challenge_answered"]:
        return [Check("passed", what, _("answered the challenge"))]
    if row["waiting_for"] == "refused":
        return [Check("failed", what, plain(row["reason"]))] if _is_silent(row) else []
    if not row["tries"]:
        return [Check("open", what, _("asked now"))]
    tried = visit.n_("%(num)s try failed", "%(num)s tries failed", row["tries"])
    return [Check("open", what, f"{tried}: {plain(row['reason'])}")]


def _is_silent(row: Mapping[str, Any]) -> bool:
    """Whether the reason is that of a failed challenge (subscriptions.py), which begins so."""
    urls = (role["url"] for role in row["roles"])
    return str(row["reason"]).startswith(("its urls ", *urls))


def _admission(visit: Visit, row: Mapping[str, Any]) -> list[Check]:
    _ = visit._
    what = _("Admission")
    if row["waiting_for"] == "approval":
        return [Check("open", what, _("your word is needed: %(why)s", why=plain(row["reason"])))]
    if row["waiting_for"] == "refused" and (row["challenge_answered"] or not _is_silent(row)):
        return [Check("failed", what, plain(row["reason"]))]
    return []
