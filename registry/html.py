"""HTML made of Python values: whatever is not made by `tag` is text, and is escaped."""

import html
from collections.abc import Iterable
from typing import Union

Child = Union["Markup", str, int, None, Iterable["Child"]]
VOID = frozenset({"input", "link", "meta"})


class Markup(str):
    """Text that is HTML already. Only this module makes it."""

    __slots__ = ()


def tag(element: str, /, *children: Child, **attributes: str | int | bool | None) -> Markup:
    """An element. `class_` is class, `aria_label` aria-label; True is a bare attribute, False and
    None are left out."""
    start = [element]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        word = key.rstrip("_").replace("_", "-")
        start.append(word if value is True else f'{word}="{text(value)}"')
    opened = f"<{' '.join(start)}>"
    if element in VOID:
        return Markup(opened)
    return Markup(f"{opened}{joined(children)}</{element}>")


def document(*children: Child) -> bytes:
    """A whole page."""
    return f"<!doctype html>{tag('html', *children, lang='en')}".encode()


def joined(children: Child) -> Markup:
    """Everything one after the other."""
    if children is None:
        return Markup("")
    if isinstance(children, Markup):
        return children
    if isinstance(children, str | int):
        return Markup(text(children))
    return Markup("".join(joined(child) for child in children))


def text(value: str | int) -> str:
    """Escaped for content and quoted attributes. Characters that nobody can see (control, and those
    that turn the direction of writing) become a sign that everybody can."""
    seen = "".join(
        c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in str(value)
    )
    return html.escape(seen, quote=True)
