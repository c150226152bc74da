"""Merkle trees as RFC 6962 section 2.1: root, inclusion path, and the way back from a path."""

import hashlib
from collections.abc import Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()


class BadPath(ValueError):
    """The path does not fit a tree of this size."""


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The tree head of the leaf hashes, in their order."""
    if not leaves:
        return EMPTY_ROOT
    level = list(leaves)
    while len(level) > 1:  # section 2.1's split from below: an odd one goes up as it is
        odd = level[-1:] if len(level) % 2 else []
        level = [*map(node_hash, level[::2], level[1::2]), *odd]
    return level[0]


def path(leaves: Sequence[bytes], position: int) -> list[bytes]:
    """The audit path of the leaf at `position`, from the leaf upwards (RFC 6962 2.1.1)."""
    if not 0 <= position < len(leaves):
        raise BadPath(f"no leaf {position} in a tree of {len(leaves)}")
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if position < split:
        return [*path(leaves[:split], position), root(leaves[split:])]
    return [*path(leaves[split:], position - split), root(leaves[:split])]


def root_of_path(leaf: bytes, position: int, leaf_count: int, hashes: Sequence[bytes]) -> bytes:
    """The root that `leaf` at `position` of `leaf_count` leads to (RFC 9162 2.1.3.2).

    Raises BadPath when the path is too short or too long for that place.
    """
    if not 0 <= position < leaf_count:
        raise BadPath(f"no leaf {position} in a tree of {leaf_count}")
    node, last, computed = position, leaf_count - 1, leaf
    for sibling in hashes:
        if last == 0:
            raise BadPath("the path is longer than the tree is high")
        if node % 2 == 1 or node == last:
            computed = node_hash(sibling, computed)
            while node % 2 == 0 and node != 0:
                node, last = node >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise BadPath("the path is shorter than the tree is high")
    return computed


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)
