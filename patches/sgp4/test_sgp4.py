import pytest
from sgp4 import vallado_cpp
from sgp4.api import Satrec, SatrecArray, accelerated

# The first case of the published verification set: Vanguard 1.
LINES = (
    "1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753",
    "2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667",
)


def test_the_module_is_compiled():
    assert accelerated
    assert vallado_cpp.__file__.endswith(".so")
    assert issubclass(Satrec, vallado_cpp.Satrec)


def test_the_published_positions():
    satellite = Satrec.twoline2rv(*LINES)
    error, position, velocity = satellite.sgp4_tsince(360.0)
    assert error == 0
    assert position == pytest.approx((-7154.03120202, -3783.17682504, -3536.19412294), abs=1e-6)
    assert velocity == pytest.approx((4.741887409, -4.151817765, -2.093935425), abs=1e-8)


def test_many_at_once():
    np = pytest.importorskip("numpy", reason="arrays of satellites need numpy, which sgp4 does not require")
    satellite = Satrec.twoline2rv(*LINES)
    days = np.full(3, satellite.jdsatepoch)
    errors, positions, _ = SatrecArray([satellite, satellite]).sgp4(days, np.arange(3) + satellite.jdsatepochF)
    assert errors.tolist() == [[0, 0, 0], [0, 0, 0]]
    assert positions.shape == (2, 3, 3)
    np.testing.assert_array_equal(positions[0], positions[1])
    assert positions[0, 0] == pytest.approx((7022.46529266, -1400.08296755, 0.03995155), abs=1e-5)
