import pyclipper
import pytest
from pyclipper import _pyclipper

SQUARE = [(0, 0), (10, 0), (10, 10), (0, 10)]
OTHER = [(5, 5), (15, 5), (15, 15), (5, 15)]


def test_the_module_is_compiled():
    assert _pyclipper.__file__.endswith(".so")


@pytest.mark.parametrize(
    ("operation", "area"),
    [
        (pyclipper.CT_INTERSECTION, 25),
        (pyclipper.CT_UNION, 175),
        (pyclipper.CT_DIFFERENCE, 75),
        (pyclipper.CT_XOR, 150),
    ],
)
def test_areas(operation, area):
    clipper = pyclipper.Pyclipper()
    clipper.AddPath(SQUARE, pyclipper.PT_SUBJECT, True)
    clipper.AddPath(OTHER, pyclipper.PT_CLIP, True)
    assert sum(pyclipper.Area(path) for path in clipper.Execute(operation)) == area


def test_offsets():
    offset = pyclipper.PyclipperOffset()
    offset.AddPath(SQUARE, pyclipper.JT_MITER, pyclipper.ET_CLOSEDPOLYGON)
    assert pyclipper.Area(offset.Execute(1)[0]) == 144
    assert pyclipper.PointInPolygon((5, 5), SQUARE) == 1


def test_an_exception_from_cpp():
    with pytest.raises(pyclipper.ClipperException):
        pyclipper.Pyclipper().AddPath([(0, 0)], pyclipper.PT_SUBJECT, True)
