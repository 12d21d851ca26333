"""The six modules that Cython compiles, and a font that is made, written and read again."""

import io
import math

import pytest
from fontTools.cu2qu import cu2qu
from fontTools.feaLib import lexer
from fontTools.fontBuilder import FontBuilder
from fontTools.misc import bezierTools
from fontTools.pens import momentsPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.qu2cu import qu2cu
from fontTools.ttLib import TTFont
from fontTools.varLib import iup


def test_compiled_parts_are_in_use():
    for module in (cu2qu, lexer, bezierTools, momentsPen, qu2cu, iup):
        assert module.__file__.endswith(".so"), module
    assert cu2qu.COMPILED


def quarter(radius):
    """Return the usual cubic for a quarter of a circle."""
    control = radius * 4 / 3 * (math.sqrt(2) - 1)
    return [(radius, 0), (radius, control), (control, radius), (0, radius)]


def test_curves():
    assert bezierTools.calcCubicArcLength(*quarter(100)) == pytest.approx(50 * math.pi, rel=1e-3)
    assert bezierTools.calcCubicBounds((0, 0), (0, 10), (10, 10), (10, 0)) == (0, 0, 10, 7.5)
    assert sorted(bezierTools.solveCubic(1, -6, 11, -6)) == pytest.approx([1, 2, 3])
    parts = bezierTools.splitCubicAtT(*quarter(1), 0.5)
    for point in (parts[0][-1], parts[1][0]):
        assert point == pytest.approx((math.sqrt(0.5), math.sqrt(0.5)))


def test_to_quadratic_and_back():
    spline = cu2qu.curve_to_quadratic(quarter(100), 0.1)
    assert (spline[0], spline[-1]) == ((100, 0), (0, 100))
    assert len(spline) > 3
    (curve,) = qu2cu.quadratic_to_curves([spline], 0.5, all_cubic=True)
    for found, wanted in zip(curve, quarter(100), strict=True):
        assert found == pytest.approx(wanted, abs=1)


def test_deltas():
    # Four more than the contour has, for the metrics.
    points = [(0, 0), (5, 0), (10, 0), (10, 10), (0, 10), *[(0, 0)] * 4]
    deltas = [(0, 0), None, (10, 0), (10, 10), (0, 10), *[(0, 0)] * 4]
    full = iup.iup_delta(deltas, points, [4])
    assert full[1] == (5, 0)
    assert iup.iup_delta(iup.iup_delta_optimize(full, points, [4]), points, [4]) == full


def test_moments():
    pen = momentsPen.MomentsPen()
    pen.moveTo((0, 0))
    for point in ((4, 0), (4, 2), (0, 2)):
        pen.lineTo(point)
    pen.closePath()
    assert (pen.area, pen.momentX, pen.momentY) == (8, 16, 8)


def test_lexer():
    tokens = [(kind, value) for kind, value, _ in lexer.Lexer("feature liga { sub f i by f_i; } liga;", "a.fea")]
    assert tokens[:3] == [("NAME", "feature"), ("NAME", "liga"), ("SYMBOL", "{")]
    with pytest.raises(lexer.FeatureLibError, match="Expected glyph class"):
        list(lexer.Lexer("@ ", "a.fea"))


def test_a_font():
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for point in ((500, 0), (500, 700), (0, 700)):
        pen.lineTo(point)
    pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "A"])
    builder.setupCharacterMap({65: "A"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "A": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (500, 0), "A": (600, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Square", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    out = io.BytesIO()
    builder.save(out)
    font = TTFont(io.BytesIO(out.getvalue()))
    assert font.getBestCmap() == {65: "A"}
    assert (font["hmtx"]["A"], font["glyf"]["A"].yMax) == ((600, 0), 700)
    assert font["name"].getDebugName(1) == "Square"
