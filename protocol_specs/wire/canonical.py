"""One byte form for one JSON value (RFC 8785), for what is hashed or signed outside a message."""

import rfc8785


def canonical(value: object) -> bytes:
    """The RFC 8785 bytes of `value`; raises ValueError for what JSON cannot say.

    Integers beyond 2**53 are refused: send them as strings.
    """
    return rfc8785.dumps(value)  # type: ignore[arg-type]  # it checks the value itself
