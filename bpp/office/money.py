"""Money: whether the books balance, the trust account, who owes what, what is written by hand."""

from collections import defaultdict
from typing import Any

from aiohttp import web
from sqlalchemy import select

from bpp.fleet.tables import DriverRow
from bpp.insurance import books, cash
from bpp.insurance.money_api import NewFact, record
from bpp.insurance.tables import LocalWorker
from bpp.ledger import balances, chart, money_facts, trust, watch
from bpp.ledger.tables import EntryRow
from bpp.office import words
from bpp.office.deeds import Deed, Figures, Question, do
from bpp.office.drivers import ONE, Drivers
from bpp.office.room import Room
from protocol_specs.node.store import Session, Statement
from protocol_specs.web.visit import PageError, Visit

PAGE = "office/money.html"
BY_HAND_MAX = 30

_L, _D, _E = LocalWorker.__table__, DriverRow.__table__, EntryRow.__table__
_NAMES = Statement(
    select(_L.c.worker, _L.c.agent_id, _D.c.code).outerjoin(_D, _D.c.agent_id == _L.c.agent_id)
)
_BY_HAND = Statement(
    select(_E.c.id, _E.c.at, _E.c.kind, _E.c.by)
    .where(_E.c.by.is_not(None), _E.c.kind.in_([*money_facts.KINDS]))
    .order_by(_E.c.at.desc(), _E.c.id)
    .limit(BY_HAND_MAX)
)


class Money:
    """The handlers below /money."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._drivers = Drivers(room)

    async def show(self, visit: Visit) -> web.StreamResponse:
        """GET /money: the trial balance and the trust account; who owes what, for those who keep
        the books."""
        return visit.page(PAGE, **self._page(visit))

    async def record(self, visit: Visit) -> web.StreamResponse:
        """POST /money: money that moved, once for each reference."""
        if visit.text("kind") not in money_facts.KINDS:
            return visit.again(PAGE, {"kind": visit._("Choose what moved.")}, **self._page(visit))

        def unit(session: Session) -> Figures:
            before = _all(session)
            record(session, self._room.books.limit, self._fact(visit), visit.now)
            return self._changed(visit, session, before)

        deed = Deed(
            what="fact",
            about=f"{visit.text('kind')}/{visit.text('reference', most=64)}",
            unit=unit,
            to=visit.to("/money"),
            flash=visit._("Written down."),
            told={"amount": visit.text("amount", most=32)},
            asks=self._question(visit),
            field="amount",
        )
        return await do(visit, deed, lambda errors: visit.again(PAGE, errors, **self._page(visit)))

    async def reverse(self, visit: Visit) -> web.StreamResponse:
        """POST /money/reverse: takes one such entry back whole, once."""
        entry = visit.text("entry", most=160)

        def unit(session: Session) -> Figures:
            before = _all(session)
            cash.reverse(session, self._room.books.limit, entry, by=visit.who, now=visit.now)
            return self._changed(visit, session, before)

        deed = Deed(
            what="reverse",
            about=entry,
            unit=unit,
            to=visit.to("/money"),
            flash=visit._("Taken back, by an entry of its own."),
            asks=self._question(visit),
            field="entry",
        )
        return await do(visit, deed, lambda errors: visit.again(PAGE, errors, **self._page(visit)))

    async def pay_in(self, visit: Visit) -> web.StreamResponse:
        """POST /drivers/{id}/pay-in: fare cash brought to the desk, once for each receipt."""
        agent_id, limit = visit.arg("id"), self._room.books.limit
        self._room.worker(agent_id)

        def unit(session: Session) -> Figures:
            fact = NewFact(
                kind="pay-in",
                amount=visit.text("amount"),
                currency=self._room.currency,
                reference=visit.text("reference"),
                by=visit.who,
                worker=agent_id,
            )
            local = books.find_worker(session, agent_id)
            if local is None:
                raise PageError(404)
            before = cash.owed_minor(session, limit, local)
            record(session, limit, fact, visit.now)
            after = cash.owed_minor(session, limit, local)
            return [
                (visit._("Driver"), self._room.named(agent_id)),
                (visit._("Owed before"), self._room.money(visit, before)),
                (visit._("Paid in"), self._room.money(visit, before - after)),
                (visit._("Owed after"), self._room.money(visit, after)),
            ]

        deed = Deed(
            what="pay_in",
            about=agent_id,
            unit=unit,
            to=visit.to(f"/drivers/{agent_id}"),
            flash=visit._("Written down."),
            told={n: visit.text(n, most=64) for n in ("amount", "reference")},
            asks=self._question(visit),
            field="amount",
        )
        return await do(
            visit, deed, lambda errors: visit.again(ONE, errors, **self._drivers.one(visit))
        )

    def _question(self, visit: Visit) -> Question:
        return Question(
            visit._("Write this down?"),
            visit._("It goes into the books, as shown here, and stays there."),
            visit._("Write it down"),
        )

    def _fact(self, visit: Visit) -> NewFact:
        kind = money_facts.KINDS[visit.text("kind")]
        return NewFact(
            kind=visit.text("kind"),
            amount=visit.text("amount"),
            currency=self._room.currency,
            reference=visit.text("reference"),
            by=visit.who,
            worker=visit.text("worker") if "worker" in kind.needs else "",
            scheme=visit.text("scheme") if "scheme" in kind.needs else "",
            tips=visit.text("tips") or None,
        )

    def _changed(self, visit: Visit, session: Session, before: dict[str, int]) -> Figures:
        """Each account that changed, as it stood before and stands now."""
        names, after = names_of_workers(session), _all(session)
        return [
            (
                self._titled(visit, account, names),
                visit._("%(before)s, then %(after)s",
                        before=self._room.money(visit, before.get(account, 0)),
                        after=self._room.money(visit, minor)),
            )
            for account, minor in after.items()
            if before.get(account, 0) != minor
        ]  # fmt: skip

    def _titled(self, visit: Visit, id: str, names: dict[str, str]) -> str:
        account = chart.account(id)
        title = visit._(words.ACCOUNTS[account.number])
        whose = names.get(account.worker or "", account.worker or account.scheme or "")
        return f"{title} · {whose}" if whose else title

    def _page(self, visit: Visit) -> dict[str, Any]:
        roles = visit.person.roles if visit.person else frozenset()
        keeps = bool(roles & {"treasurer", "auditor"})

        def read(session: Session) -> dict[str, Any]:
            every = balances.balances(session)
            return {
                "accounts": self._by_number(visit, every),
                "sums": [(currency, *both) for currency, both in balances.totals(every).items()],
                "stopped": watch.standing(session),
                "trust": trust.standing(session, visit.now),
                "people": self._people(visit, session, every) if keeps else [],
                "by_hand": session.all(_BY_HAND) if keeps else [],
            }

        return {
            "room": self._room,
            **self._room.store.read(read),
            "may_write": "treasurer" in roles,
            "keeps": keeps,
            "kinds": words.options(visit, words.FACTS),
            "workers": [("", "–"), *self._room.workers()],
            "schemes": [("", "–"), *((s.id, s.title) for s in self._room.books.extension.schemes)],
            "fact": lambda kind: words.word(visit, words.FACTS, kind),
        }

    def _by_number(self, visit: Visit, every: list[balances.Balance]) -> list[list[str]]:
        """The trial balance, one row for each number: no worker is named in it."""
        sums: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0])
        for each in every:
            both = sums[each.number, each.currency]
            both[0] += each.debit_minor
            both[1] += each.credit_minor
        rows = []
        for (number, currency), (debit, credit) in sorted(sums.items()):
            stands = debit - credit if chart.is_debit_normal(number) else credit - debit
            title = f"{number} {visit._(words.ACCOUNTS[number])}"
            rows.append(
                [title, *(visit.speech.money(m, currency) for m in (debit, credit, stands))]
            )
        return rows

    def _people(
        self, visit: Visit, session: Session, every: list[balances.Balance]
    ) -> list[tuple[str, str, list[str]]]:
        """What each worker is owed and owes: pay, tips, fare cash."""
        found: dict[str, dict[int, int]] = defaultdict(dict)
        for each in every:
            account = chart.account(each.account)
            if account.worker and account.number in (2100, 2110, 1220):
                found[account.worker][account.number] = each.balance_minor
        names, agents = names_of_workers(session), _agents(session)
        return [
            (names.get(worker, worker), agents.get(worker, ""),
             [self._room.money(visit, stands.get(n, 0)) for n in (2100, 2110, 1220)])
            for worker, stands in sorted(found.items(), key=lambda one: names.get(one[0], one[0]))
        ]  # fmt: skip


def _all(session: Session) -> dict[str, int]:
    return {each.account: each.balance_minor for each in balances.balances(session)}


def names_of_workers(session: Session) -> dict[str, str]:
    """The code of each worker of the books; the local id of one who was forgotten."""
    return {row["worker"]: row["code"] or row["worker"] for row in session.all(_NAMES)}


def _agents(session: Session) -> dict[str, str]:
    return {row["worker"]: row["agent_id"] for row in session.all(_NAMES)}
