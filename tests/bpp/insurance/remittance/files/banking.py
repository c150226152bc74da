"""A remittance that was declared, its settings for banks, and what a bank answers."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bpp.insurance.agents import filing
from bpp.insurance.remittance.files import applying, identifiers, making
from bpp.insurance.remittance.files.applying import Taken
from bpp.insurance.remittance.files.making import Wanted
from bpp.insurance.remittance.files.settings import InstitutionSettings, PayerSettings
from tests.bpp.insurance.remittance.support import at, close, job, sweep
from tests.bpp.insurance.support import MY, Coop, my_coop

ACCOUNT = "8600123456"
SETTINGS: Any = SimpleNamespace(
    schemes=(MY,),
    payer=PayerSettings(name="Riders' Own Cooperative", bic="CIBBMYKL"),
    institutions={MY: InstitutionSettings(name="PERKESO", account="5642765", bic="MBBEMYKL")},
    bank_accounts={"1110": ACCOUNT},
)
CLOSED = "2026-08-03"  # a Monday
DAY = "2026-08-04"


def declared(folder: Path) -> tuple[Coop, str]:
    """A cooperative of its own, its July closed."""
    coop = my_coop(folder, commission_rate="0")
    return coop, close_july(coop)


def close_july(coop: Coop) -> str:
    """July of two workers, 20.00 + 10.00, swept and closed."""
    job(coop, "o1", 160_000, "2026-07-10")
    job(coop, "o2", 80_000, "2026-07-11", agent="a2")
    sweep(coop, "2026-07-12")
    found = close(coop, "2026-07", CLOSED)
    assert found.amount_minor == 3000
    return found.id


def make(coop: Coop, *ids: str, day: str = DAY, **more: Any) -> tuple[str, bytes]:
    wanted = Wanted(ids, by="desk-1", **more)
    settings = more.pop("settings", SETTINGS)
    return coop.store.transact_now(lambda s: making.payment_file(s, settings, wanted, at(day)))


def read(coop: Coop, raw: str, day: str = "2026-08-31", name: str = "f.xml") -> dict[str, Any]:
    taken = Taken(name, raw.encode(), "desk-1")
    return coop.store.transact_now(lambda s: applying.apply(s, taken, at(day)))


def message_of(id: str, attempt: int = 1) -> str:
    """The MsgId of the file that pays it alone, made beside the node."""
    return identifiers.message_id([id], filing.SELF, attempt)


def status(
    id: str,
    code: str,
    *,
    message: str | None = None,
    amount: str = "30.00",
    ccy: str = "MYR",
    reason: str = "AC04",
    more: str = "",
) -> str:
    """A pain.002 about one transaction."""
    return f"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>
<GrpHdr><MsgId>B-{code}</MsgId><CreDtTm>2026-08-06T10:00:00Z</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>{message or message_of(id)}</OrgnlMsgId>
<OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId></OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts><OrgnlPmtInfId>1</OrgnlPmtInfId><TxInfAndSts>
<OrgnlEndToEndId>{id}</OrgnlEndToEndId><TxSts>{code}</TxSts>
<StsRsnInf><Rsn><Cd>{reason}</Cd></Rsn></StsRsnInf>
<OrgnlTxRef><Amt><InstdAmt Ccy="{ccy}">{amount}</InstdAmt></Amt>{more}</OrgnlTxRef>
</TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"""


def booked(
    id: str, side: str, *, amount: str = "30.00", account: str = ACCOUNT, more: str = "",
    day: str = "2026-08-06",
) -> str:  # fmt: skip
    """A camt.054 of one entry."""
    return f"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08">
<BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>N-{side}{day}</MsgId></GrpHdr><Ntfctn>
<Acct><Id><Othr><Id>{account}</Id></Othr></Id><Ccy>MYR</Ccy></Acct>
<Ntry><Amt Ccy="MYR">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>{day}</Dt></BookgDt><NtryDtls><TxDtls><Refs><EndToEndId>{id}</EndToEndId></Refs>
{more}</TxDtls></NtryDtls></Ntry></Ntfctn></BkToCstmrDbtCdtNtfctn></Document>"""


RETURNED = "<RtrInf><Rsn><Cd>AC01</Cd></Rsn></RtrInf>"
