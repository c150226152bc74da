"""What the operator's page shows, as HTML: pure functions of records."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from registry.html import Child, Markup, document, tag

SOON_S = 14 * 86_400
SHOWN = 50  # subscribers on one page, and applications
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Frame:
    """What stands around every page: whose registry, who looks, and what forms must carry."""

    registry: str
    who: str = ""
    form_token: str = ""
    message: str = ""


def page(frame: Frame, title: str, *children: Child) -> bytes:
    """A whole page with its head and navigation."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{title} · {frame.registry}"),
        tag("link", rel="icon", href="data:,"),
        tag("link", rel="stylesheet", href="/operator/style.css"),
    )
    told = tag("p", frame.message, class_="message", role="status") if frame.message else None
    main = tag("main", tag("h1", title), told, *children)
    return document(head, tag("body", _top(frame), main))


def _top(frame: Frame) -> Markup:
    name = tag("a", frame.registry, href="/operator", class_="name")
    if not frame.who:
        return tag("header", name)
    leave = tag(
        "form",
        _hidden(frame),
        tag("span", f"signed in as {frame.who}"),
        tag("button", "Close"),
        method="post",
        action="/operator/close",
    )
    log = tag("a", "Log", href="/operator/log")
    return tag("header", name, tag("nav", log, leave, aria_label="Registry"))


def _hidden(frame: Frame) -> Markup:
    return tag("input", type="hidden", name="form_token", value=frame.form_token)


def opening(frame: Frame) -> bytes:
    """Asks for the token."""
    form = tag(
        "form",
        tag("input", name="username", autocomplete="username", value="operator", hidden=True),
        tag("label", "Operator's token", for_="token"),
        tag(
            "input",
            id="token",
            name="token",
            type="password",
            autocomplete="current-password",
            required=True,
        ),
        tag("button", "Open", class_="main"),
        tag("p", "It stands in operator.token of the registry's data folder.", class_="soft"),
        method="post",
        action="/operator/open",
        class_="card narrow",
    )
    return page(frame, "Operate this registry", form)


def overview(frame: Frame, waiting: Rows, participants: Rows, log: Rows, *, after: str) -> bytes:
    """Who waits for the operator, who takes part, and what changed last."""
    states = ("approval", "challenge", "refused")
    by_state = {state: [r for r in waiting if r["waiting_for"] == state] for state in states}
    more = participants[-1]["subscriber_id"] if participants else ""
    return page(
        frame,
        "Registry",
        tag("p", f"The first {SHOWN} open applications are shown.", class_="soft")
        if len(waiting) == SHOWN
        else None,
        _section("Waiting for you", (application(frame, row) for row in by_state["approval"])),
        _section("Being challenged", (application(frame, row) for row in by_state["challenge"])),
        tag(
            "section",
            tag("h2", "Participants"),
            _find(),
            _participants(participants) if participants else tag("p", "Nobody yet.", class_="soft"),
            tag("a", "First", href="/operator") if after else None,
            tag("a", "Next", href=link("/operator", after=more))
            if len(participants) == SHOWN
            else None,
        ),
        _section("Refused", (application(frame, row) for row in by_state["refused"])),
        tag("section", tag("h2", "Last changes"), _log(log)),
    )


def _find() -> Markup:
    """Goes to one participant by its id."""
    return tag(
        "form",
        tag("label", "Find by subscriber id", for_="find"),
        tag("input", id="find", name="id", required=True),
        tag("button", "Find"),
        action="/operator/participant",
        class_="find",
    )


def link(path: str, **query: str | int) -> str:
    """A path with a query, escaped."""
    return f"{path}?{urlencode(query)}"


def _section(title: str, cards: Iterable[Markup]) -> Markup:
    shown = list(cards)
    return tag("section", tag("h2", title), shown or tag("p", "None.", class_="soft"))


# Applications


def application(frame: Frame, row: Mapping[str, Any]) -> Markup:
    """One application: what is asked, what was checked, what can be decided."""
    kind = "adds a key" if row["kind"] == "key" else "wants to take part"
    who = row["subscriber_id"]
    return tag(
        "article",
        tag("h3", tag("a", who, href=link("/operator/participant", id=who)), f" {kind}"),
        tag(
            "p",
            f"Key {row['unique_key_id']} until {row['valid_until'][:10]}; "
            f"applied {row['created'][:10]}",
            class_="soft",
        ),
        _table(
            "What it asks for",
            ("Type", "Domain", "Cities", "Url"),
            ((r["type"], r["domain"], ", ".join(r["cities"]), r["url"]) for r in row["roles"]),
        ),
        tag("ul", (_check(*check) for check in checks(row)), class_="checks"),
        _decide_on(frame, row),
        class_="card",
    )


def checks(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(yes, no or wait; sentence) of everything that was or is to be checked."""
    signed = row["signed_with"]
    told = [
        ("yes", "Every field is well formed, and within the network's policy"),
        ("yes", f"Signed with {signed or 'the key it brings'}, at the time of applying"),
        ("yes", "Its key and key id are nobody else's"),
    ]
    if row["challenge_answered"]:
        at = row["challenge_answered"][:19].replace("T", " ")
        told.append(("yes", f"Its url answered the challenge at {at} UTC"))
    elif row["waiting_for"] == "challenge":
        tried = (
            f"{row['tries']} tries failed, the last: {row['reason']}"
            if row["tries"]
            else "asked now"
        )
        told.append(("wait", f"Its url has not answered the challenge yet: {tried}"))
    if row["waiting_for"] == "approval":
        told.append(("wait", f"Your word is needed: {row['reason']}"))
    elif row["waiting_for"] == "refused":
        told.append(("no", f"Refused: {row['reason']}"))
    return told


def _check(mark: str, sentence: str) -> Markup:
    sign = {"yes": "Checked", "no": "Failed", "wait": "Open"}[mark]
    return tag("li", tag("b", sign), " ", sentence, class_=mark)


def _decide_on(frame: Frame, row: Mapping[str, Any]) -> Markup | None:
    if row["waiting_for"] == "refused":
        return None
    more = {"application": row["application"]}
    forms: list[Child] = []
    if row["waiting_for"] == "approval":
        forms.append(decision(frame, "approve", row["subscriber_id"], "Approve", **more))
    forms.append(decision(frame, "refuse", row["subscriber_id"], "Refuse", needed=True, **more))
    return tag("div", forms, class_="decide")


def decision(
    frame: Frame,
    verb: str,
    subscriber_id: str,
    label: str,
    *,
    needed: bool = False,
    **more: str | int,
) -> Markup:
    """The form of one decision; `needed`: only with a reason."""
    field = f"{verb}-{subscriber_id}-{'-'.join(str(value) for value in more.values())}"
    why = "Why (public)" if needed else "Why (optional, public)"
    fields = {"verb": verb, "subscriber_id": subscriber_id, **more}
    return tag(
        "form",
        _hidden(frame),
        (tag("input", type="hidden", name=name, value=value) for name, value in fields.items()),
        tag("label", why, for_=field),
        tag("input", id=field, name="reason", maxlength=500, required=needed),
        tag("button", label, class_="main" if verb in {"approve", "reinstate"} else "danger"),
        method="post",
        action="/operator/decide",
    )


# Participants


def _participants(rows: Rows) -> Markup:
    """One line for each subscriber."""
    return _table(
        "Who takes part, and who does no longer",
        ("Subscriber", "Takes part as", "Status", "Keys"),
        (
            (
                tag(
                    "a",
                    row["subscriber_id"],
                    href=link("/operator/participant", id=row["subscriber_id"]),
                ),
                [tag("div", f"{r['type']} {r['domain']} {r['cities']}") for r in row["roles"]],
                [tag("div", r["status"], class_=r["status"].lower()) for r in row["roles"]],
                [tag("div", _ending(key), class_=key["state"]) for key in row["keys"]],
            )
            for row in rows
        ),
    )


def _ending(key: Mapping[str, Any]) -> str:
    words = {"ended": "ended", "soon": "ends soon,", "later": "begins", "good": "until"}
    day = key["valid_from"] if key["state"] == "later" else key["valid_until"]
    return f"{key['key_id']} {'retired' if key['retired'] else words[key['state']]} {day[:10]}"


def participant(frame: Frame, row: Mapping[str, Any], waiting: Rows, log: Rows) -> bytes:
    """One subscriber: roles, keys, applications, its part of the log, and every decision."""
    who = row["subscriber_id"]
    statuses = {role["status"] for role in row["roles"]}
    verbs: list[Child] = []
    if "SUBSCRIBED" in statuses:
        verbs.append(decision(frame, "suspend", who, "Suspend", needed=True))
    if "SUSPENDED" in statuses:
        verbs.append(decision(frame, "reinstate", who, "Reinstate"))
    if statuses - {"REMOVED"}:
        verbs.append(decision(frame, "remove", who, "Remove with all keys", needed=True))
    roles = ((r["type"], r["domain"], r["cities"], r["url"], r["status"]) for r in row["roles"])
    keys = (
        (
            tag("span", _ending(key), class_=key["state"]),
            tag("code", key["signing_public_key"]),
            None
            if key["state"] == "ended"
            else decision(frame, "retire", who, "Retire", needed=True, key_id=key["key_id"]),
        )
        for key in row["keys"]
    )
    return page(
        frame,
        who,
        tag("section", _table("Roles", ("Type", "Domain", "Cities", "Url", "Status"), roles)),
        tag("section", _table("Keys", ("Key", "Signing key", "End it for ever"), keys)),
        tag("section", tag("h2", "Decide"), tag("div", verbs, class_="decide card"))
        if verbs
        else None,
        _section("Applications", (application(frame, entry) for entry in waiting)),
        tag("section", tag("h2", "Changes"), _log(log)),
    )


# The log


def log_page(frame: Frame, log: Rows) -> bytes:
    """Who changed what, newest first."""
    oldest = log[-1]["sequence"] if log else 0
    older = tag("a", "Older", href=link("/operator/log", before=oldest)) if oldest > 1 else None
    return page(frame, "Log of changes", tag("section", _log(log), older))


def _log(log: Rows) -> Markup:
    if not log:
        return tag("p", "Nothing was changed yet.", class_="soft")
    return _table(
        "Who changed what, when (UTC) and why",
        ("No", "When", "Whom", "What", "By", "Why"),
        (
            (
                entry["sequence"],
                entry["at"][:19].replace("T", " "),
                entry["subscriber_id"],
                entry["what"],
                entry["who"],
                entry["detail"].get("reason", ""),
            )
            for entry in log
        ),
    )


def _table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[Child]]) -> Markup:
    """A table whose cells carry their heads, for narrow screens."""
    return tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", (tag("th", head, scope="col") for head in heads))),
        tag(
            "tbody",
            (
                tag(
                    "tr",
                    (
                        tag("td", cell, data_head=head)
                        for head, cell in zip(heads, row, strict=True)
                    ),
                )
                for row in rows
            ),
        ),
    )
