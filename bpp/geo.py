"""Distances on the ground: straight lines and circles, in whole metres."""

from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

from protocol_specs.wire.order import Place

EARTH_RADIUS_M = 6_371_000


@dataclass(frozen=True, slots=True)
class Circle:
    """A piece of ground: everything within `radius_m` of a centre."""

    lat: float
    lon: float
    radius_m: int

    def contains(self, place: Place) -> bool:
        """Whether the place lies in the circle, edge included."""
        return distance_m(self.lat, self.lon, place.lat, place.lon) <= self.radius_m


def distance_m(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> int:
    """The great-circle distance of two points in degrees, in whole metres (haversine)."""
    half_lat = radians(lat_b - lat_a) / 2
    half_lon = radians(lon_b - lon_a) / 2
    root = sin(half_lat) ** 2 + cos(radians(lat_a)) * cos(radians(lat_b)) * sin(half_lon) ** 2
    return round(2 * EARTH_RADIUS_M * asin(sqrt(min(1.0, root))))
