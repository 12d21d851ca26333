import itertools

import contourpy
import numpy as np
import pytest
from contourpy import FillType, LineType, contour_generator


@pytest.fixture
def cone():
    axis = np.linspace(-2, 2, 81)
    x, y = np.meshgrid(axis, axis)
    return x, y, np.hypot(x, y)


def test_it_is_compiled():
    assert contourpy._contourpy.__file__.endswith(".so")


@pytest.mark.parametrize("name", ["mpl2005", "mpl2014", "serial"])
def test_a_circle(cone, name):
    generator = contour_generator(*cone, name=name, line_type=LineType.SeparateCode)
    (points,), (codes,) = generator.lines(1.0)
    assert np.hypot(*points.T) == pytest.approx(1.0, abs=1e-2)
    assert (codes[0], codes[-1]) == (1, 79)


def test_a_ring_has_its_area(cone):
    (points,), (offsets,) = contour_generator(*cone, fill_type=FillType.OuterOffset).filled(0.5, 1.5)

    def area(ring):
        x, y = ring.T
        return (x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2

    outer, hole = (area(points[start:end]) for start, end in itertools.pairwise(offsets))
    assert outer == pytest.approx(np.pi * 1.5**2, rel=1e-2)
    assert hole == pytest.approx(-np.pi * 0.5**2, rel=1e-2)


def test_masked_values_are_left_out(cone):
    x, y, z = cone
    hidden = np.ma.array(z, mask=x < 0)
    ((points,), _) = contour_generator(x, y, hidden, line_type=LineType.SeparateCode).lines(1.0)
    assert points[:, 0].min() >= 0


def test_chunks_give_the_same_length(cone):
    def length(**options):
        lines = contour_generator(*cone, name="serial", line_type=LineType.Separate, **options).lines(1.0)
        return sum(np.hypot(*np.diff(line, axis=0).T).sum() for line in lines)

    assert length(chunk_count=4) == pytest.approx(length())


def test_errors_are_exceptions(cone):
    # C++ exceptions become those of Python.
    with pytest.raises(ValueError, match="upper_level must be larger"):
        contour_generator(*cone).filled(1.0, 1.0)
