"""An oracle of a few lines, by fractions, knowing nothing of the engine; in minor units."""

from fractions import Fraction


def half_up(value: Fraction) -> int:
    """For what is not negative."""
    return int(value + Fraction(1, 2))


def month(bases: list[int], rate: Fraction, cap: int | None = None) -> int:
    """A worker's month: the rounded exact sum, not above the cap."""
    found = half_up(sum(bases) * rate)
    return found if cap is None else min(found, cap)


def cpf(net: Fraction, worker: Fraction, operator: Fraction) -> tuple[int, int]:
    """Worker's and operator's dollars of a month's net dollars."""
    if net <= 50:
        return 0, 0
    by_worker = (
        Fraction(0) if net <= 500 else 3 * worker * (net - 500) if net <= 750 else worker * net
    )
    total = half_up(by_worker + operator * net)
    return (int(by_worker), total - int(by_worker)) if operator else (total, 0)
