"""Merkle trees against the definition of RFC 6962 2.1, written down once more and more simply."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpp.ledger import merkle

leaves_lists = st.lists(st.binary(max_size=8), min_size=1, max_size=40)


def mth(data: list[bytes]) -> bytes:
    """RFC 6962 2.1, word for word."""
    if len(data) == 1:
        return hashlib.sha256(b"\0" + data[0]).digest()
    k = 1
    while k * 2 < len(data):
        k *= 2
    return hashlib.sha256(b"\1" + mth(data[:k]) + mth(data[k:])).digest()


def test_the_empty_tree_is_the_hash_of_nothing() -> None:
    assert merkle.root([]) == hashlib.sha256().digest()


@given(leaves_lists)
def test_the_root_is_the_one_the_rfc_defines(data: list[bytes]) -> None:
    assert merkle.root([merkle.leaf_hash(each) for each in data]) == mth(data)


@given(leaves_lists)
def test_every_leafs_path_leads_to_the_root(data: list[bytes]) -> None:
    leaves = [merkle.leaf_hash(each) for each in data]
    for position, leaf in enumerate(leaves):
        path = merkle.path(leaves, position)
        assert merkle.root_of_path(leaf, position, len(leaves), path) == merkle.root(leaves)


@given(leaves_lists, st.data())
def test_a_path_with_one_step_changed_leads_elsewhere(
    data: list[bytes], draw: st.DataObject
) -> None:
    leaves = [merkle.leaf_hash(each) for each in data]
    position = draw.draw(st.integers(0, len(leaves) - 1))
    path = merkle.path(leaves, position)
    if path:
        step = draw.draw(st.integers(0, len(path) - 1))
        path[step] = bytes([path[step][0] ^ 1]) + path[step][1:]
        found = merkle.root_of_path(leaves[position], position, len(leaves), path)
        assert found != merkle.root(leaves)


@pytest.mark.parametrize("change", [lambda path: path[:-1], lambda path: [*path, bytes(32)]])
def test_a_path_of_the_wrong_length_is_refused(change: object) -> None:
    leaves = [merkle.leaf_hash(bytes([n])) for n in range(7)]
    with pytest.raises(merkle.BadPath):
        merkle.root_of_path(leaves[3], 3, 7, change(merkle.path(leaves, 3)))  # type: ignore[operator]


@pytest.mark.parametrize("position", [-1, 7])
def test_a_place_outside_the_tree_is_refused(position: int) -> None:
    leaves = [merkle.leaf_hash(bytes([n])) for n in range(7)]
    with pytest.raises(merkle.BadPath):
        merkle.path(leaves, position)
    with pytest.raises(merkle.BadPath):
        merkle.root_of_path(leaves[0], position, 7, [])
