import math

import numpy as np
import pytest
import shapely
from shapely import MultiPoint, Point, Polygon, STRtree, box, lib


def test_it_is_compiled():
    for module in (lib, shapely._geos, shapely._geometry_helpers):
        assert module.__file__.endswith(".so")
    assert shapely.geos_version == (3, 13, 1)


def test_overlay():
    a, b = box(0, 0, 2, 2), box(1, 1, 3, 3)
    assert a.intersection(b).equals(box(1, 1, 2, 2))
    assert a.union(b).area == 7
    assert a.difference(b).area == 3


def test_arrays():
    points = shapely.points(np.arange(10.0), 0.5)
    assert shapely.distance(points, Point(0, 0.5)).tolist() == list(range(10))
    assert shapely.contains_xy(box(0, 0, 4.5, 1), np.arange(10.0), 0.5).sum() == 4


def test_trees():
    tree = STRtree([box(n, 0, n + 0.5, 1) for n in range(1000)])
    assert sorted(tree.query(box(99.75, 0, 101.25, 1))) == [100, 101]
    assert tree.nearest(Point(500.7, 0.5)) == 500


def test_text_and_bytes():
    shape = Polygon([(0, 0), (4, 0), (4, 3)], holes=[[(2, 0.5), (3, 0.5), (3, 1)]])
    assert shapely.from_wkb(shape.wkb) == shape
    assert shapely.from_wkt(shape.wkt).equals(shape)
    assert shapely.from_geojson(shapely.to_geojson(shape)).equals(shape)


def test_algorithms():
    assert Point(0, 0).buffer(1, quad_segs=64).area == pytest.approx(math.pi, rel=1e-3)
    points = [(0, 0), (2, 0), (1, 1), (2, 2), (0, 2)]
    assert MultiPoint(points).convex_hull.equals(box(0, 0, 2, 2))
    assert len(shapely.delaunay_triangles(MultiPoint(points)).geoms) == 4
    bow = Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    assert shapely.is_valid_reason(bow).startswith("Self-intersection")
    assert shapely.make_valid(bow).area == 2


def test_errors_of_geos_are_exceptions():
    # They are C++ exceptions inside GEOS.
    with pytest.raises(shapely.GEOSException, match="Expected word"):
        shapely.from_wkt("POINT 1 2")
    with pytest.raises(shapely.GEOSException, match="TopologyException"):
        Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]).intersection(Polygon([(0, 1), (2, 1), (0, 2), (2, 0)]))
