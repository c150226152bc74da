"""The one error of this node for what a person asked and cannot have."""


class Refused(Exception):
    """Something that somebody asked for and that was not done; the text says why, and what to do.

    Nothing of it was kept. A command prints it, the desk's API answers 409 with it.
    """
