"""Public holidays by dated files, for due days. A year that no file lists is never guessed."""

from collections.abc import Container
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import Field as Key
from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from bpp.insurance.figures import STRICT, Source, Sourced
from bpp.insurance.scheme import NotInsurable
from bpp.insurance.scheme_file import PACKS, SchemeError, read_toml

FOLDER = PACKS / "holidays"


@dataclass(frozen=True, config=STRICT)
class Year(Sourced):
    """The holidays of one year; whether one is a Saturday or Sunday makes no difference."""

    year: int
    days: tuple[date, ...]


@dataclass(frozen=True, config=STRICT)
class Holidays:
    """One place's public holidays, year by year."""

    id: str
    title: str
    years: Annotated[tuple[Year, ...], Key(validation_alias="year")]
    sources: dict[str, Source]

    def __contains__(self, day: object) -> bool:
        """Raises NotInsurable for a day of a year that the file does not list."""
        if not isinstance(day, date):
            return False
        for year in self.years:
            if year.year == day.year:
                return day in year.days
        raise NotInsurable(
            f"holidays/{self.id}.toml does not list {day.year}: add that year with its source"
        )


_ADAPTER = TypeAdapter(Holidays)


def read_holidays(path: Path) -> Holidays:
    """Reads one file. Raises SchemeError: a year twice, a day of another year, no source."""
    try:
        found = _ADAPTER.validate_python(read_toml(path))
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(str(part) for part in fault["loc"])
        raise SchemeError(f"{path.name}: key {key!r}: {fault['msg']}") from None
    years = [year.year for year in found.years]
    for year in found.years:
        if years.count(year.year) > 1:
            raise SchemeError(f"{path.name}: key 'year': {year.year} stands twice")
        if any(day.year != year.year for day in year.days):
            raise SchemeError(f"{path.name}: key 'year': a day of {year.year} is of another year")
        if year.source not in found.sources:
            raise SchemeError(f"{path.name}: key 'sources': no source {year.source!r}")
    return found


@lru_cache(maxsize=16)
def holidays(name: str | None) -> Container[date]:
    """The shipped file of that name; none for None."""
    return () if name is None else read_holidays(FOLDER / f"{name}.toml")
