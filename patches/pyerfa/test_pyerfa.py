import erfa
import numpy as np
import pytest
from erfa import ufunc


def test_the_module_is_compiled():
    assert ufunc.__file__.endswith(".so")


def test_dates():
    assert erfa.cal2jd(2003, 6, 1) == (2400000.5, 52791.0)
    # The leap seconds until the end of 2016.
    assert erfa.dat(2017, 1, 1, 0.0) == 37.0


def test_values_of_sofa():
    # From the library's own tests: t_sofa_c's iauGmst06 and iauEpv00.
    assert erfa.gmst06(2400000.5, 53736.0, 2400000.5, 53736.0) == pytest.approx(1.754174971870091203, abs=1e-12)
    heliocentric, _ = erfa.epv00(2400000.5, 53411.52501161)
    np.testing.assert_allclose(
        heliocentric["p"], [-0.7757238809297706813, 0.5598052241363340596, 0.2426998466481686993], atol=1e-14
    )


def test_arrays():
    angles = erfa.anp(np.array([-0.1, 0.1, 7.0]))
    np.testing.assert_allclose(angles, [2 * np.pi - 0.1, 0.1, 7 - 2 * np.pi], atol=1e-15)
    assert erfa.ufunc.s2c(np.zeros(3), np.zeros(3)).shape == (3, 3)


def test_errors_and_warnings():
    with pytest.raises(erfa.ErfaError, match="bad month"):
        erfa.cal2jd([2003], [13], [1])
    with pytest.warns(erfa.ErfaWarning, match="dubious year"):
        erfa.dat(2100, 1, 1, 0.0)
