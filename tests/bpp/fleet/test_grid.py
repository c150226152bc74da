"""Whoever is within a radius is found through the squares, whatever the place and the radius."""

from hypothesis import given
from hypothesis import strategies as st

from bpp.fleet.grid import Grid
from bpp.geo import distance_m

CITY = (3.139, 101.687)
near_city = st.tuples(st.floats(3.0, 3.3), st.floats(101.5, 101.9))
anywhere = st.tuples(st.floats(-85, 85), st.floats(-180, 180))


def _brute(people: list[tuple[float, float]], at: tuple[float, float], radius_m: int) -> set[str]:
    return {
        str(n) for n, here in enumerate(people) if distance_m(here[0], here[1], *at) <= radius_m
    }


def _grid(people: list[tuple[float, float]]) -> Grid:
    grid = Grid()
    for n, here in enumerate(people):
        grid.put(str(n), *here)
    return grid


def _names(grid: Grid, at: tuple[float, float], radius_m: int) -> list[str]:
    return [name for _, names in grid.near(*at, radius_m) for name in names]


@given(st.lists(near_city, max_size=60), near_city, st.integers(1, 12_000))
def test_nobody_within_the_radius_is_missed(
    people: list[tuple[float, float]], at: tuple[float, float], radius_m: int
) -> None:
    found = _names(_grid(people), at, radius_m)
    assert len(found) == len(set(found))
    assert _brute(people, at, radius_m) <= set(found)


@given(st.lists(anywhere, max_size=20), anywhere, st.integers(1, 50_000))
def test_also_where_the_meridians_are_close_and_where_the_day_begins(
    people: list[tuple[float, float]], at: tuple[float, float], radius_m: int
) -> None:
    assert _brute(people, at, radius_m) <= set(_names(_grid(people), at, radius_m))


def test_both_sides_of_the_date_line_are_near_each_other() -> None:
    assert _names(_grid([(0.0, 179.999)]), (0.0, -179.999), 1_000) == ["0"]


def test_the_inner_squares_come_first_and_far_squares_are_not_read() -> None:
    grid = Grid()
    for n in range(400):
        grid.put(f"{n:03d}", CITY[0] + 0.001 + n * 0.01, CITY[1])
    assert _names(grid, CITY, 3_000) == ["000", "001", "002"]


def test_who_moves_or_goes_is_no_longer_where_they_were() -> None:
    grid = _grid([CITY])
    grid.put("0", CITY[0] + 1, CITY[1])
    assert _names(grid, CITY, 5_000) == []
    grid.drop("0")
    grid.drop("0")
    assert _names(grid, (CITY[0] + 1, CITY[1]), 5_000) == []


@given(st.lists(near_city, min_size=150, max_size=300), near_city, st.integers(500, 6_000))
def test_what_is_said_to_be_read_is_read(
    people: list[tuple[float, float]], at: tuple[float, float], radius_m: int
) -> None:
    found: set[str] = set()
    for read_m, names in _grid(people).near(*at, radius_m):
        found.update(names)
        assert _brute(people, at, min(radius_m, int(min(read_m, 1e9)))) <= found
