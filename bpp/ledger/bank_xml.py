"""What all XML of banks (ISO 20022) is read with: bounded, and nothing in it is taken on trust.

The parser resolves no entity, reads no other file and asks no network; a document type is refused.
A comment cannot cut a text in two, an element that may stand once is refused where it stands twice,
and only elements of the message's own namespace are seen.
"""

import re
from datetime import date
from typing import Any

from lxml import etree

from bpp.ledger.bank_files import BadBankFile, day_of, minor_of

BYTES_MAX = 32 * 1024 * 1024


def parse(raw: bytes, name: str, kind: str) -> Any:
    """The root of a message such as "camt.053", any version of it. Raises BadBankFile."""
    root = root_of(raw, name)
    if kind_of(root) != kind:
        space = etree.QName(root).namespace or "no namespace"
        raise BadBankFile(f"{name}: it is no {kind} ({space})")
    return root


def root_of(raw: bytes, name: str) -> Any:
    """The root of any XML that a bank may send. Raises BadBankFile."""
    if len(raw) > BYTES_MAX:
        raise BadBankFile(f"{name} is larger than {BYTES_MAX // 1024 // 1024} MB")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(raw, parser)
    except etree.XMLSyntaxError as error:
        raise BadBankFile(f"{name}, line {error.lineno}: not XML: {error.msg}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise BadBankFile(f"{name}: it has a document type; a bank's message has none")
    return root


def kind_of(root: Any) -> str | None:
    """Which message it is, such as "pain.002"; None: none of ISO 20022's for banks."""
    space = etree.QName(root).namespace or ""
    found = re.fullmatch(
        r"urn:iso:std:iso:20022:tech:xsd:((?:camt|pain)\.[0-9]{3})\.001\.[0-9]{2}", space
    )
    return found[1] if found and etree.QName(root).localname == "Document" else None


def every(element: Any, path: str) -> list[Any]:
    """All the elements of a path, such as "NtryDtls/TxDtls"."""
    space = etree.QName(element).namespace or ""
    found: list[Any] = element.findall("/".join(f"{{{space}}}{name}" for name in path.split("/")))
    return found


def one(element: Any, path: str, place: str) -> Any | None:
    """The element of a path that may stand once. Raises BadBankFile: it stands twice."""
    found = every(element, path)
    if len(found) > 1:
        raise BadBankFile(f"{place}/{path}: it stands {len(found)} times")
    return found[0] if found else None


def text(element: Any, path: str, place: str) -> str | None:
    """What it says; None: it is missing or empty. Raises BadBankFile: twice, or not only text."""
    found = one(element, path, place)
    return None if found is None else plain(found, f"{place}/{path}")


def need(element: Any, path: str, place: str) -> str:
    """What it says. Raises BadBankFile, also where it is missing."""
    found = text(element, path, place)
    if found is None:
        raise BadBankFile(f"{place}/{path}: it is missing")
    return found


def plain(element: Any, place: str) -> str | None:
    """The text of an element that holds nothing else. Raises BadBankFile."""
    if len(element):
        raise BadBankFile(f"{place}: it holds other elements")
    return (element.text or "").strip() or None


def day(element: Any, path: str, place: str) -> date:
    """The day of a Dt or DtTm below the path. Raises BadBankFile."""
    said = text(element, f"{path}/Dt", place) or need(element, f"{path}/DtTm", place)
    return day_of(said, f"{place}/{path}")


def money(element: Any, path: str, place: str) -> tuple[int, str] | None:
    """Minor units, not below zero, and their currency; None: it is missing. Raises BadBankFile."""
    found = one(element, path, place)
    if found is None:
        return None
    here, currency = f"{place}/{path}", found.get("Ccy")
    if currency is None:
        raise BadBankFile(f"{here}: it has no Ccy")
    minor = minor_of(plain(found, here) or "", currency, here)
    if minor < 0:
        raise BadBankFile(f"{here}: an amount stands without a sign; CdtDbtInd says which way")
    return minor, currency


def side(element: Any, place: str) -> int:
    """1 for money that came, -1 for money that went. Raises BadBankFile."""
    said = need(element, "CdtDbtInd", place)
    if said not in ("CRDT", "DBIT"):
        raise BadBankFile(f"{place}/CdtDbtInd: {said[:20]!r}; it is CRDT or DBIT")
    return 1 if said == "CRDT" else -1
