"""The OpenAPI 3.1 files of the four nodes, made from the routes that they really serve.

`python -m tests.house.openapi` writes docs/openapi/; a test holds the files to the code. Beckn
actions refer to the schemas of protocol_specs/schemas; bodies of the JSON APIs are the models by
which they are judged.
"""

from __future__ import annotations

import inspect
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bap.app import assemble as assemble_bap
from bap.settings import BapSettings
from bpp.app import build_from as assemble_bpp
from bpp.settings import BppSettings
from gateway.app import assemble as assemble_gateway
from gateway.settings import GatewaySettings
from protocol_specs.node.api import body_model
from protocol_specs.node.server import Node
from protocol_specs.node.settings import RegistrySettings
from protocol_specs.wire import keys
from protocol_specs.wire.parties import SubscriberType, callback_of, speaker
from protocol_specs.wire.schema_documents import action_names, documents
from protocol_specs.wire.version import NAMES
from registry.app import assemble as assemble_registry
from registry.settings import RegistryNodeSettings
from tests.bpp.cooperative import ride_settings
from tests.bpp.insured import RIDE_PACK, insured
from tests.support.nodes import write_keys

Json = dict[str, Any]

_PARAMETER = re.compile(r"\{([a-z_]+)(?::[^}]*)?\}")
_SIGNED = [{"beckn": []}]
_RESPONSES: Json = {
    status: {
        "description": says,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Ack"}}},
    }
    for status, says in (
        ("200", "ACK: taken, now or before."),
        ("400", "NACK: the message is at fault; see error."),
        ("401", "NACK: the signature is; see error."),
        ("429", "NACK: too many; see Retry-After."),
        ("503", "NACK: not now; see Retry-After."),
    )
}
_COMPONENTS: Json = {
    "securitySchemes": {
        "beckn": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "A Beckn signature over the exact body (BECKN-006); docs/wire.md.",
        },
        "token": {"type": "http", "scheme": "bearer"},
    },
    "schemas": {
        "Ack": {
            "type": "object",
            "properties": {
                "message": {
                    "type": "object",
                    "properties": {
                        "ack": {
                            "type": "object",
                            "properties": {"status": {"enum": ["ACK", "NACK"]}},
                            "required": ["status"],
                        }
                    },
                    "required": ["ack"],
                },
                "error": {"$ref": "#/components/schemas/BecknError"},
            },
            "required": ["message"],
        },
        "BecknError": {
            "type": "object",
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "paths": {"type": "string"},
            },
            "required": ["code", "message"],
        },
        "Fault": {
            "type": "object",
            "properties": {
                "error": {
                    "type": "object",
                    "properties": {
                        "code": {"type": "string"},
                        "message": {"type": "string"},
                        "path": {"type": "string"},
                    },
                    "required": ["code", "message"],
                }
            },
            "required": ["error"],
        },
    },
}


def document(node: Node, title: str) -> Json:
    """The description of one node: its signed actions and its own routes."""
    paths: dict[str, Json] = {
        f"/{action}": {"post": _action(action)} for action in sorted(node.door.actions)
    }
    for name, operation in _SIGNED_CALLS.items():
        if f"/{name}" in node._shell.door_routes:
            paths[f"/{name}"] = {"post": operation}
    models: dict[str, Json] = {}
    for route in node.app.router.routes():
        if route.resource is None or route.method == "HEAD":
            continue
        canonical = route.resource.canonical
        operation = _operation(route.handler, canonical, models)
        paths.setdefault(canonical, {})[route.method.lower()] = operation
    schemas = {**_COMPONENTS["schemas"], **models}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version("wayfare")},
        "paths": dict(sorted(paths.items())),
        "components": {**_COMPONENTS, "schemas": dict(sorted(schemas.items()))},
    }


def _action(action: str) -> Json:
    """One signed action: its body in each family of dialects, its ACK and its refusals."""
    bases = dict.fromkeys(documents("strict", name).base for name in NAMES)
    ways = [
        {"$ref": f"../../protocol_specs/schemas/{base}/actions/{action}.json"}
        for base in bases
        if action in action_names(base)
    ]
    is_request = speaker(action) is SubscriberType.BAP
    said = f"; answered later with {callback_of(action)}" if is_request else ""
    return {
        "operationId": action,
        "summary": f"Beckn {action}{said}.",
        "security": _SIGNED,
        "requestBody": _content(ways[0] if len(ways) == 1 else {"oneOf": ways}),
        "responses": _RESPONSES,
    }


def _operation(handler: Any, canonical: str, models: dict[str, Json]) -> Json:
    """One route of a JSON API or page, as its handler's docstring tells."""
    inner = inspect.unwrap(handler)
    summary, _, rest = (inspect.getdoc(inner) or "").partition("\n\n")
    if not summary:
        raise ValueError(f"{canonical}: its handler has no docstring")
    operation: Json = {"summary": " ".join(summary.split())}
    if rest:
        operation["description"] = " ".join(rest.split())
    names = _PARAMETER.findall(canonical)
    if names:
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in names
        ]
    if len(inspect.signature(inner).parameters) > 1:
        operation["requestBody"] = _content(_model(body_model(inner), models))
    fault = {"application/json": {"schema": {"$ref": "#/components/schemas/Fault"}}}
    operation["responses"] = {
        "200": {"description": "As the summary says."},
        "4XX": {"description": "What was wrong, and where.", "content": fault},
    }
    return operation


def _model(model: type[BaseModel], models: dict[str, Json]) -> Json:
    """A reference to the model's schema, kept among the components."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    models.update(schema.pop("$defs", {}))
    models[model.__name__] = schema
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _content(schema: Mapping[str, Any]) -> Json:
    return {"required": True, "content": {"application/json": {"schema": dict(schema)}}}


_SIGNED_CALLS: dict[str, Json] = {
    "on_subscribe": {
        "summary": "The registry's challenge (BECKN-006), signed by the pinned registry.",
        "security": _SIGNED,
        "requestBody": _content(
            {
                "type": "object",
                "properties": {
                    "subscriber_id": {"type": "string"},
                    "challenge": {"type": "string"},
                    "signing_public_key": {"type": "string"},
                },
                "required": ["subscriber_id", "challenge"],
            }
        ),
        "responses": {"200": {"description": '`{"answer": TEXT}`, the challenge decrypted.'}},
    },
    "trace": {
        "summary": "What this node did with the messages of a transaction, to who took part.",
        "security": _SIGNED,
        "requestBody": _content(
            {
                "type": "object",
                "properties": {
                    "transaction_id": {"type": "string", "maxLength": 255},
                    "node": {"type": "string", "description": "The id of the node asked."},
                },
                "required": ["transaction_id", "node"],
            }
        ),
        "responses": {"200": {"description": '`{"node", "type", "now", "hops", "refusals"}`.'}},
    },
}
FOLDER = Path(__file__).parents[2] / "docs" / "openapi"
_REGISTRY = RegistrySettings(
    url="https://registry.example.org",
    subscriber_id="registry.example.org",
    unique_key_id="k1",
    signing_public_key=keys.b64encode(keys.generate_signing_key().public),
    encryption_public_key=keys.b64encode(keys.generate_encryption_key().public),
)


def files() -> Iterator[tuple[str, str]]:
    """Name and text of each file, from four nodes that are put together and never started."""
    with tempfile.TemporaryDirectory() as folder:
        for name, node in _nodes(Path(folder)):
            text = json.dumps(document(node, f"Wayfare {name} node"), indent=1, sort_keys=True)
            yield f"{name}.json", text + "\n"
            node.store.close()


def _nodes(folder: Path) -> Iterator[tuple[str, Node]]:
    def settings(cls: Any, name: str, **more: Any) -> Any:
        place = folder / name
        return cls(
            subscriber_id=f"{name}.example.org",
            unique_key_id="k1",
            url=f"https://{name}.example.org",
            port=0,
            data_dir=place / "data",
            **{**write_keys(place / "keys"), **more},
        )

    joined = {"registry": _REGISTRY, "domains": ("nic2004:60221",)}
    everything = {
        "form": {"title": "Wheelchair", "fields": ({"name": "wheelchair", "label": "Yours?"},)},
        "insurance": insured(folder, RIDE_PACK, mandates={RIDE_PACK: "signed"}),
    }
    yield "registry", assemble_registry(settings(RegistryNodeSettings, "registry"))
    yield "gateway", assemble_gateway(settings(GatewaySettings, "gateway", **joined))
    yield "bpp", assemble_bpp(settings(BppSettings, "bpp", **joined, **ride_settings(**everything)))
    yield "bap", assemble_bap(settings(BapSettings, "bap", page=False, **joined))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in files():
        (FOLDER / name).write_text(text, encoding="utf-8")
