"""The fast way to canonical bytes gives the bytes of RFC 8785."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bpp.ledger.plain import plain_canonical
from protocol_specs.wire.canonical import canonical

keys = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(keys, values, max_size=6))
def test_documents_of_text_and_whole_numbers_come_out_as_rfc_8785_wants(
    document: dict[str, Any],
) -> None:
    assert plain_canonical(document) == canonical(document)
