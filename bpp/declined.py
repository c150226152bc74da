"""What a person asked for and cannot have: the one such error of this node.

A peer's message that is turned away is another thing: `protocol_specs.wire.errors.Refused`.
"""


class Declined(Exception):
    """Something that somebody asked for and that was not done; the text says why, and what to do.

    Nothing of it was kept. A command prints it, the desk's API answers 409 with it.
    """
