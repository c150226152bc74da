"""Python's garbage collector, told what a node is: much that stays, little that goes in circles."""

import gc


def hold() -> None:
    """No collection while the node is loaded: nothing is garbage yet, and looking for it took a
    third of the start. `calm` ends this."""
    gc.disable()


def calm() -> None:
    """Let the collector look at what lives for ever no more, and at the rest less often.

    A parsed message is hundreds of containers and no cycle; with Python's own thresholds the
    collector costs as much as reading the message.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()
