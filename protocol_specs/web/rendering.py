"""Templates: one environment per language, over the templates and texts of all packages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from gettext import NullTranslations
from importlib import resources
from pathlib import Path
from typing import Any, cast

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

from protocol_specs.web.assets import Assets
from protocol_specs.web.languages import LANGUAGES, Speech, plain, translations

OWN = "protocol_specs.web"


class Templates:
    """The templates of `packages` before our own; each language is made when first spoken."""

    def __init__(self, packages: Iterable[str], assets: Assets, country: str) -> None:
        self._packages = (*packages, OWN)
        self._assets, self._country = assets, country
        self.of = lru_cache(maxsize=None)(self._of)

    def render(self, language: str, template: str, values: dict[str, Any]) -> str:
        """The whole template. Raises UndefinedError for a value that nobody gave."""
        return self.of(language).get_template(template).render(values)

    def speech(self, language: str) -> Speech:
        """How values are told in that language."""
        return cast(Speech, self.of(language).globals["speech"])

    def text(self, language: str, message: str, *, n: int | None = None, plural: str = "") -> str:
        """A text in that language; with `n`, the form for so many."""
        catalogue = cast(NullTranslations, self.of(language).globals["catalogue"])
        return catalogue.gettext(message) if n is None else catalogue.ngettext(message, plural, n)

    def _of(self, language: str) -> Environment:
        folders = [str(folder) for folder in map(_templates, self._packages) if folder.is_dir()]
        made = Environment(
            loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
        )
        catalogue = translations(language, reversed(self._packages))
        speech = Speech(language, self._country)
        made.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
        made.globals.update(
            language=language,
            languages=LANGUAGES,
            speech=speech,
            catalogue=catalogue,
            asset=self._assets.url,
        )
        made.filters.update(
            money=speech.money,
            number=speech.number,
            distance=speech.distance,
            duration=speech.duration,
            plain=plain,
            iso=lambda at: datetime.fromtimestamp(at, UTC).isoformat(),
        )
        return made


def _templates(package: str) -> Path:
    return Path(str(resources.files(package).joinpath("templates")))
