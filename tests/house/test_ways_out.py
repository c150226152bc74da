"""A node has few ways out, and whatever peers can name goes through one that has the wall."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
NODES = ("protocol_specs", "registry", "gateway", "bap", "bpp")
OPENS = {
    "ClientSession",
    "TCPConnector",
    "create_connection",
    "open_connection",
    "HTTPConnection",
    "HTTPSConnection",
    "urlopen",
    "start_tls",
}
GUARDED = {
    "protocol_specs/node/client/client.py": "messages and look-ups: check_url and GuardedResolver",
    "protocol_specs/node/client/following.py": "positions: check_url and GuardedResolver",
    "protocol_specs/node/client/pool.py": "messages and searches: check_url and GuardedResolver",
}
TO_OUR_OWN = {
    "protocol_specs/node/ops/ops.py": "the operator's port of this machine's own settings",
    "protocol_specs/node/ops/checkup.py": "whether anything listens at our own port",
    "protocol_specs/web/senders.py": "the operator's webhook for codes",
    "bpp/app.py": "the operator's router",
    "bpp/insurance/desk_calls.py": "commands, at the node's own desk",
    "registry/commands.py": "commands, at the registry's own desk",
}


def opens(tree: ast.AST) -> bool:
    """Whether the module calls anything that makes a connection."""
    return any(
        isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Attribute) and node.func.attr in OPENS)
            or (isinstance(node.func, ast.Name) and node.func.id in OPENS)
        )
        for node in ast.walk(tree)
    )


def test_nothing_makes_connections_but_the_guarded_ways_and_those_to_our_own() -> None:
    found = {
        str(path.relative_to(ROOT))
        for node in NODES
        for path in sorted((ROOT / node).rglob("*.py"))
        if opens(ast.parse(path.read_text()))
    }
    assert found - set(GUARDED) - set(TO_OUR_OWN) == set()
    assert set(GUARDED) <= found


def test_no_way_out_believes_the_environment_or_follows_a_redirect() -> None:
    for name in (*GUARDED, *TO_OUR_OWN):
        text = (ROOT / name).read_text()
        assert "trust_env=True" not in text, name
        assert "allow_redirects=True" not in text, name
        assert "ssl=False" not in text, name
        assert "CERT_NONE" not in text, name
