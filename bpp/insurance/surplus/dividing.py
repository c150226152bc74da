"""A sum divided by work done: pure, exact to the minor unit."""

from collections.abc import Mapping


def parts(amount_minor: int, work: Mapping[str, int]) -> dict[str, int]:
    """The part of each worker who did some work, zeros included; the parts add up to the sum.

    Each gets the whole minor units of their exact part; what is left goes, a unit each, to those
    whose exact part lost most (largest remainder), of equals to the first id. No work at all: {}.
    """
    done = {worker: each for worker, each in work.items() if each > 0}
    whole = sum(done.values())
    if not whole:
        return {}
    found = {worker: amount_minor * each // whole for worker, each in done.items()}
    lost = {worker: amount_minor * each % whole for worker, each in done.items()}
    left = amount_minor - sum(found.values())
    for worker in sorted(done, key=lambda name: (-lost[name], name))[:left]:
        found[worker] += 1
    return found
