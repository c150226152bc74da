"""Who is near a place: positions in squares of the ground, so that nobody far away is looked at."""

from collections.abc import Iterator
from math import ceil, cos, inf, radians

CELL_DEG = 0.01
CELL_M = CELL_DEG * 111_194  # from south to north; a little less than it is

Cell = tuple[int, int]


class Grid:
    """Names at places, each in one square; a look reads the squares that a circle touches."""

    def __init__(self) -> None:
        self._cells: dict[Cell, dict[str, tuple[float, float]]] = {}
        self._cell_of: dict[str, Cell] = {}

    def put(self, name: str, lat: float, lon: float) -> None:
        """The name is here now, and nowhere else."""
        cell = _cell(lat, lon)
        if self._cell_of.get(name) != cell:
            self.drop(name)
            self._cell_of[name] = cell
        self._cells.setdefault(cell, {})[name] = (lat, lon)

    def drop(self, name: str) -> None:
        """The name is nowhere."""
        cell = self._cell_of.pop(name, None)
        if cell is None:
            return
        inside = self._cells[cell]
        del inside[name]
        if not inside:
            del self._cells[cell]

    def near(self, lat: float, lon: float, radius_m: int) -> Iterator[tuple[float, list[str]]]:
        """Every name within the radius and a few around it, the inner squares first: with each
        handful how many metres around the place have now been read.
        """
        home = _cell(lat, lon)
        narrow = max(0.01, cos(radians(min(89.0, abs(lat) + 1))))
        rows = ceil(radius_m / CELL_M)
        columns = ceil(radius_m / (CELL_M * narrow))
        if (2 * rows + 1) * (2 * columns + 1) > len(self._cells):
            yield inf, list(self._of(self._inside(home, rows, columns)))
            return
        for ring in range(max(rows, columns) + 1):
            yield ring * CELL_M * narrow, list(self._of(_ring(home, ring, rows, columns)))
        yield inf, []

    def _inside(self, home: Cell, rows: int, columns: int) -> Iterator[Cell]:
        """The squares that hold somebody, where there are fewer of them than squares to look at."""
        found = [
            cell
            for cell in self._cells
            if abs(cell[0] - home[0]) <= rows and _columns_apart(cell[1], home[1]) <= columns
        ]
        yield from sorted(found, key=lambda cell: _rings_apart(cell, home))

    def _of(self, cells: Iterator[Cell]) -> Iterator[str]:
        for cell in cells:
            yield from self._cells.get(cell, ())


_COLUMNS = round(360 / CELL_DEG)


def _cell(lat: float, lon: float) -> Cell:
    return (int((lat + 90) / CELL_DEG), int((lon + 180) / CELL_DEG) % _COLUMNS)


def _columns_apart(one: int, other: int) -> int:
    """The world is round: the last column is beside the first."""
    apart = abs(one - other)
    return min(apart, _COLUMNS - apart)


def _rings_apart(cell: Cell, home: Cell) -> int:
    return max(abs(cell[0] - home[0]), _columns_apart(cell[1], home[1]))


def _ring(home: Cell, ring: int, rows: int, columns: int) -> Iterator[Cell]:
    """The squares exactly so many steps away, within the rows and columns that count."""
    row, column = home
    for down in range(-min(ring, rows), min(ring, rows) + 1):
        wide = range(-ring, ring + 1) if abs(down) == ring else (-ring, ring)
        for across in dict.fromkeys(wide):
            if abs(across) <= columns:
                yield row + down, (column + across) % _COLUMNS
