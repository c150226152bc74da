"""The OpenAPI files say what the nodes serve: no more, no less."""

import json

import pytest

from tests.house import openapi


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return dict(openapi.files())


@pytest.mark.parametrize("name", ["registry", "gateway", "bpp", "bap"])
def test_a_file_is_what_the_node_would_describe_now(name: str, made: dict[str, str]) -> None:
    kept = (openapi.FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert kept == made[f"{name}.json"], "run python -m tests.house.openapi and look at the change"


@pytest.mark.parametrize("name", ["registry", "gateway", "bpp", "bap"])
def test_every_reference_of_a_file_leads_somewhere(name: str, made: dict[str, str]) -> None:
    document = json.loads(made[f"{name}.json"])

    def references(node: object) -> list[str]:
        if isinstance(node, list):
            return [ref for part in node for ref in references(part)]
        if not isinstance(node, dict):
            return []
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [ref for part in node.values() for ref in references(part)]

    found = references(document)
    assert found
    for ref in found:
        if ref.startswith("#/components/schemas/"):
            assert ref.removeprefix("#/components/schemas/") in document["components"]["schemas"]
        else:
            assert (openapi.FOLDER / ref).resolve().is_file(), ref
