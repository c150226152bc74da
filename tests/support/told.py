"""Drivers who were told: each insured cooperative of the tests has shown its people everything."""

from bpp.fleet.roster import everybody
from bpp.insurance.people import writing
from bpp.insurance.people.asked import Agreed, Declared, Told
from bpp.settings import BppSettings
from protocol_specs.node.store import Session, Store

SELF_EMPLOYED = {"category": "self_employed", "residency": "citizen", "source": "a test"}


def tell_everybody(store: Store, settings: BppSettings, now: int) -> None:
    """Every driver is a self-employed citizen, was shown each notice, and agreed where asked."""
    if settings.insurance is None:
        return
    phone = settings.support.contact().phone if settings.support else None
    ask = writing.whom_to_ask(settings.provider_name, phone)
    people = writing.people_of(settings.insurance, ask, b"\0" * 32)

    def unit(session: Session) -> None:
        for driver, _ in everybody(session):
            about = {"worker": driver.agent_id, "by": "tests"}
            declared = Declared.model_validate({**about, **SELF_EMPLOYED, "day": "2020-01-01"})
            writing.declare(session, people, declared, now)
            for scheme in people.schemes.values():
                said = {**about, "scheme": scheme.id, "how": "paper"}
                told = Told.model_validate({**said, "language": "en"})
                writing.tell(session, people, told, now)
                if scheme.basis == "consent":
                    agreed = Agreed.model_validate({**said, "agree": True})
                    writing.agree(session, people, agreed, now)

    store.transact_now(unit)
