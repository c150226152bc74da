"""The pages of the demonstration: who comes in where, and by what. `--json` lists them as `pages`.

Each page is `{face, role, node, url, sign_in}`. `face` is citizen, driver, office, operator or
everybody; `role` and `node` say whose page it is; `sign_in` is null where none is needed, else

- `{by: "code", people: [{name, phone, roles}], codes}`: type the phone, then the six digits at the
  end of the file `codes` (a line of JSON `{phone, text}` for each code; `roles` are the office's);
- `{by: "token", token_file}`: type what stands in that file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from examples.network import NODES, Network
from examples.people import Desk

Shown = dict[str, Any]

CITIZEN = {"name": "Mei Ling", "phone": "+60123456789"}
AMINAH = {"code": "A1", "name": "Aminah", "phone": "+60131112222", "vehicle": "VDM 4821"}
RAVI = {"code": "R1", "name": "Ravi", "phone": "+919811122233", "vehicle": "KA 05 HX 2291"}
DRIVERS = {"rides": AMINAH, "couriers": RAVI}
OFFICE: dict[str, tuple[dict[str, Any], ...]] = {
    "rides": (
        {"id": "t1", "name": "Nur Aina", "phone": "+60122220001", "roles": ["treasurer"]},
        {"id": "d1", "name": "Hafiz", "phone": "+60122220002", "roles": ["dispatcher"]},
    ),
    "couriers": (
        {"id": "t1", "name": "Lakshmi", "phone": "+919844400001", "roles": ["treasurer"]},
        {"id": "d1", "name": "Suresh", "phone": "+919844400002", "roles": ["dispatcher"]},
    ),
}


def staff(desks: dict[str, Desk]) -> None:
    """Lets a treasurer and a dispatcher into the office of each cooperative."""
    for name, desk in desks.items():
        for person in OFFICE[name]:
            desk.let_in(**person)


def shown(plan: Network) -> list[Shown]:
    """Every page, in the order in which a visitor would look at them."""
    return [
        _page(plan, "citizen", "bap", "/", _code(plan, "bap", [CITIZEN])),
        *(
            _page(plan, "driver", name, "/drive/", _code(plan, name, [DRIVERS[name]]))
            for name in DRIVERS
        ),
        *(
            _page(plan, "office", name, "/office/", _code(plan, name, OFFICE[name]))
            for name in OFFICE
        ),
        *(
            _page(plan, "operator", name, "/operator/", _token(plan, name))
            for name in ("registry", "gateway")
        ),
        _page(plan, "everybody", "gateway", "/figures", None),
        _page(plan, "everybody", "gateway", "/report.html", None),
        _page(plan, "everybody", "rides", "/figures", None),
        _page(plan, "everybody", "couriers", "/figures", None),
    ]


def lines(pages: list[Shown]) -> Iterator[str]:
    """The same in words: face, address, and how to come in."""
    for page in pages:
        yield f"{page['face']:9}  {page['url']:40}  {_in_words(page['sign_in'])}".rstrip()
    files = [page["sign_in"]["codes"] for page in pages if _by(page) == "code"]
    yield "A phone gets its code as the last line of its node's file (nothing is sent anywhere):"
    yield from (f"    tail -n 1 {file}" for file in dict.fromkeys(files))


def _page(plan: Network, face: str, node: str, path: str, sign_in: Shown | None) -> Shown:
    url = plan.url(node) + path
    return {"face": face, "role": NODES[node], "node": node, "url": url, "sign_in": sign_in}


def _code(plan: Network, node: str, people: Any) -> Shown:
    named = [{key: one[key] for key in ("name", "phone", "roles") if key in one} for one in people]
    return {"by": "code", "people": named, "codes": str(plan.folder(node) / "data/codes.jsonl")}


def _token(plan: Network, node: str) -> Shown:
    return {"by": "token", "token_file": str(plan.folder(node) / "data/operator.token")}


def _by(page: Shown) -> str | None:
    return page["sign_in"]["by"] if page["sign_in"] else None


def _in_words(sign_in: Shown | None) -> str:
    if sign_in is None:
        return "no sign-in"
    if sign_in["by"] == "token":
        return f"the token in {sign_in['token_file']}"
    people = (
        f"{one['name']}{''.join(f' ({role})' for role in one.get('roles', ()))} {one['phone']}"
        for one in sign_in["people"]
    )
    return ", ".join(people)
