"""Payment files judged by two validators and read by path, for tests."""

from functools import lru_cache
from pathlib import Path

import sepaxml
import xmlschema
from lxml import etree

SCHEMA = Path(sepaxml.__file__).parent / "schemas" / "pain.001.001.09.xsd"  # as ISO publishes it


@lru_cache
def _validators() -> tuple[xmlschema.XMLSchema, etree.XMLSchema]:
    return xmlschema.XMLSchema(SCHEMA), etree.XMLSchema(etree.parse(SCHEMA))


def valid(raw: bytes) -> etree._Element:
    """The file, once two validators that know nothing of each other have taken it."""
    independent, second = _validators()
    independent.validate(raw)
    root = etree.fromstring(raw)
    second.assertValid(root)
    return root


def texts(root: etree._Element, path: str) -> list[str | None]:
    steps = "/".join(f"{{*}}{step}" for step in path.split("/"))
    return [each.text for each in root.findall(f".//{steps}")]
