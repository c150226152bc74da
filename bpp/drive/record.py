"""What a driver was told and said: notices, yes or no, plans; and why jobs came to them or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from bpp.declined import Declined
from bpp.dispatch import rounds
from bpp.dispatch.policy import Ranked
from bpp.drive import telling
from bpp.insurance import books
from bpp.insurance.people import asked, listing, notice, reading, writing
from bpp.insurance.people.writing import People
from bpp.insurance.scheme import Scheme
from bpp.insurance.statement import asking
from bpp.insurance.wiring import Insured
from bpp.orders.office import Office
from bpp.work import words
from protocol_specs.node.store import Session
from protocol_specs.web.languages import N_
from protocol_specs.web.site import Site
from protocol_specs.web.visit import PageError, Visit

OUTCOMES = {
    "accepted": N_("You took it"),
    "declined": N_("You declined it"),
    "expired": N_("You let it pass"),
    "withdrawn": N_("It was taken back"),
}
WHY_MAX = 30
QUESTIONS = {
    "covered": N_("Am I covered?"),
    "where": N_("Where is my money?"),
    "owe": N_("What do I owe?"),
    "prepaid": N_("Does what I bought myself count?"),
    "both": N_("What if I drive for two cooperatives?"),
    "leave": N_("What if I leave?"),
}
Unit = Callable[[Session, People, int], dict[str, Any]]


class OwnRecord:
    """The handlers."""

    def __init__(self, site: Site, office: Office, insured: Insured | None) -> None:
        self._site, self._office, self._insured = site, office, insured
        self._read = site.node.store.read

    # Notices

    async def notices(self, visit: Visit) -> web.StreamResponse:
        """GET /notices: what is still to be read or answered, and all others below."""
        people = self._books().people
        language = visit.arg("in") or visit.language

        def read(session: Session) -> list[dict[str, Any]]:
            worker = books.find_worker(session, visit.who)
            record = reading.record_of(session, worker) if worker else None
            return [
                self._notice(scheme, people, language, record) for scheme in people.schemes.values()
            ]

        found = sorted(self._read(read), key=lambda each: each["is_read"] and not each["asks"])
        return visit.page("drive/notices.html", notices=found, names=notice.LANGUAGES)

    async def read(self, visit: Visit) -> web.StreamResponse:
        """POST /notices: this very text was read."""
        told = asked.Told(
            worker=visit.who,
            by="self",
            scheme=visit.text("scheme"),
            language=visit.text("language"),
            version=visit.text("version"),
            how="app",
        )
        return await self._write(visit, lambda s, people, now: writing.tell(s, people, told, now))

    async def answer(self, visit: Visit) -> web.StreamResponse:
        """POST /consent: yes or no to a deduction that rests on consent."""
        answer = visit.text("agree")
        if answer not in {"yes", "no"}:
            raise PageError(400)
        said = asked.Agreed(
            worker=visit.who,
            by="self",
            scheme=visit.text("scheme"),
            agree=answer == "yes",
            how="app",
        )
        return await self._write(visit, lambda s, people, now: writing.agree(s, people, said, now))

    # What is on record

    async def record(self, visit: Visit) -> web.StreamResponse:
        """GET /me: vehicle, enrolment, plans, and the questions that drivers ask first."""
        worker = self._office.fleet.worker(visit.who)
        if self._insured is None:
            return visit.page("drive/me.html", worker=worker, kept=None, plans=[], ask={})
        people = self._insured.people

        def read(session: Session) -> tuple[dict[str, Any] | None, dict[str, str]]:
            found = books.find_worker(session, visit.who)
            if found is None:
                return None, {}
            chosen = reading.record_of(session, found)
            plan = max(chosen.plans, default=None)
            return listing.shown(session, found), {"plan": plan[1] if plan else ""}

        kept, chosen = self._read(read)
        plans = [scheme for scheme in people.schemes.values() if scheme.plan or scheme.opt_in]
        return visit.page(
            "drive/me.html", worker=worker, kept=kept, plans=plans, chosen=chosen, ask=QUESTIONS
        )

    async def choose(self, visit: Visit) -> web.StreamResponse:
        """POST /plan: a plan, from the next period on."""
        chosen = asked.Chosen(
            worker=visit.who, by="self", scheme=visit.text("scheme"), plan=visit.text("plan")
        )
        return await self._write(
            visit, lambda s, people, now: writing.choose(s, people, chosen, now), back="/me"
        )

    async def opt_in(self, visit: Visit) -> web.StreamResponse:
        """POST /opt-in: to be in a scheme by own wish."""
        wish = asked.OptedIn(worker=visit.who, by="self", scheme=visit.text("scheme"))
        return await self._write(
            visit, lambda s, people, now: writing.opt_in(s, people, wish, now), back="/me"
        )

    async def ask(self, visit: Visit) -> web.StreamResponse:
        """GET /ask/{question}: the books' own answer."""
        question, insured = visit.arg("question"), self._books()
        if question not in QUESTIONS:
            raise PageError(404)
        language = "ms" if visit.language == "ms" else "en"
        try:
            lines = self._read(
                lambda session: asking.answered(
                    session, insured.asks, question, visit.who, visit.now, language=language
                )
            )
        except Declined:
            lines = [visit._("Nothing stands in the books for you yet. Your first job begins it.")]
        return visit.page("drive/ask.html", title=QUESTIONS[question], lines=lines, all=QUESTIONS)

    # Why

    async def why(self, visit: Visit) -> web.StreamResponse:
        """GET /why: each list of candidates that named the driver, their own place and sum."""
        lists = self._read(lambda session: rounds.of_agent(session, visit.who))[:WHY_MAX]
        shown = [
            {
                **each,
                "rows": _rows(visit, each),
                "told": _told(visit, each),
            }
            for each in lists
        ]
        return visit.page(
            "drive/why.html",
            lists=shown,
            outcomes=OUTCOMES,
            weights=self._office.provider.weights,
            assignment=self._office.provider.assignment,
        )

    # Inside

    def _books(self) -> Insured:
        if self._insured is None:
            raise PageError(404)
        return self._insured

    def _notice(self, scheme: Scheme, people: People, language: str, record: Any) -> dict[str, Any]:
        """A scheme's notice in that language; in English where nobody wrote it in that one."""
        texts = notice.notices(scheme, people.ask)
        text = texts.get(language) or texts["en"]
        shown = record.shown.get(scheme.id) if record else None
        is_consent = scheme.basis == "consent" and "worker" in scheme.bearers
        agreed = record.agreed.get(scheme.id) if record else None
        is_read = shown in {each.sha256 for each in texts.values()}
        return {
            "scheme": scheme,
            "text": text,
            "languages": list(texts),
            "is_read": is_read,
            "asks": is_consent and is_read and agreed is None,
            "is_consent": is_consent,
            "agreed": agreed,
        }

    async def _write(self, visit: Visit, unit: Unit, back: str = "/notices") -> web.StreamResponse:
        people = self._books().people

        def once(session: Session) -> str:
            unit(session, people, visit.now)
            return visit.to(back)

        try:
            return await visit.once(once, flash=visit._("Written down."))
        except Declined as declined:
            told = telling.said(visit, str(declined))
            return await visit.see(visit.to(back), flash=told, kind="warn")


def _rows(visit: Visit, found: dict[str, Any]) -> list[tuple[str, str]]:
    if found["sum"] is None:
        return []
    return telling.why_words(visit, Ranked(agent_id="", **found["sum"]), found["of"])


def _told(visit: Visit, found: dict[str, Any]) -> str:
    """Where one stood, or why one was passed over, in the driver's language where it is known."""
    if found["place"] is not None:
        return visit._("You were number %(place)s of %(of)s", place=found["place"], of=found["of"])
    reason = found["why"].removeprefix("you were passed over: ")
    told = telling.known(visit, words.reason(visit, reason))
    return visit._("You were passed over: %(reason)s", reason=told)
