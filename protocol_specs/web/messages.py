"""`make messages`: brings the catalogues of all packages up to what their pages say.

A package with pages has a folder `locale` beside its templates. What is new or changed comes in
untranslated; a test refuses that until somebody has seen to it.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from protocol_specs.web.languages import LANGUAGES, SOURCE

ROOT = Path(__file__).parents[2]
SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)  # git knows the real one
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
OPTIONS = {
    "**/templates/**.html": {
        "trimmed": "true",
        "silent": "false",
        "extensions": "jinja2.ext.do",
    }
}
KEYWORDS = {"_": None, "N_": None, "n_": (1, 2), "gettext": None, "ngettext": (1, 2)}


def packages(root: Path = ROOT) -> Iterator[Path]:
    """The folders with texts of their own."""
    for top in sorted(path.parent for path in root.glob("[a-z]*/__init__.py")):
        for folder in sorted(top.glob("**/locale")):
            yield folder.parent


def said_in(package: Path, others: Iterable[Path]) -> Catalog:
    """What the pages of a package say, without packages inside it that have their own texts."""
    inside = [other for other in others if other != package and other.is_relative_to(package)]
    catalogue = Catalog(project="Wayfare", charset="utf-8", fuzzy=False)
    for name, line, message, comments, context in extract_from_dir(
        package, METHODS, OPTIONS, keywords=KEYWORDS
    ):
        if not any((package / name).is_relative_to(other) for other in inside):
            where = [(name, line)]
            catalogue.add(message, locations=where, auto_comments=comments, context=context)
    return catalogue


def file_of(package: Path, language: str) -> Path:
    """Where the texts of a package in that language are."""
    return package / "locale" / language / "LC_MESSAGES" / "messages.po"


def renewed(said: Catalog, path: Path, language: str) -> Catalog:
    """The catalogue at `path` with what is said now, each text as it was translated there."""
    kept = read_po(io.BytesIO(path.read_bytes()), locale=language) if path.exists() else Catalog()
    made = Catalog(
        locale=language,
        header_comment=f"# What the pages say, in {LANGUAGES[language]}.",
        project="Wayfare",
        creation_date=SOME_DAY,
        revision_date=SOME_DAY,
        last_translator="Wayfare",
        language_team="Wayfare",
        fuzzy=False,
    )
    for text in said:
        known = kept.get(text.id) if text.id else None
        if text.id:
            made.add(text.id, known.string if known else None)
    return made


def main() -> int:
    """Writes them; says how many texts wait for a translation."""
    found, waiting = list(packages()), 0
    for package in found:
        said = said_in(package, found)
        for language in LANGUAGES:
            if language == SOURCE:
                continue
            path = file_of(package, language)
            made = renewed(said, path, language)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                write_po(file, made, width=100, sort_output=True, no_location=True)
            waiting += sum(1 for text in made if text.id and not is_whole(text.string))
    sys.stdout.write(f"{len(found)} packages; {waiting} texts wait for a translation\n")
    return 0


def is_whole(string: str | Sequence[str | None] | None) -> bool:
    """Whether a text is translated, in every form that it has."""
    return bool(string) if string is None or isinstance(string, str) else all(string)


if __name__ == "__main__":
    sys.exit(main())
