import math
from datetime import datetime

import ephem
import pytest
from ephem import _libastro


def test_the_module_is_compiled():
    assert _libastro.__file__.endswith(".so")


def test_dates():
    date = ephem.Date("2000/1/1 12:00")
    assert float(date) == 36525.0
    assert date.tuple() == (2000, 1, 1, 12, 0, 0.0)
    assert date.datetime() == datetime(2000, 1, 1, 12)
    assert ephem.julian_date(date) == 2451545.0
    assert abs(ephem.now() - ephem.Date(datetime(1899, 12, 31, 12))) > 40000


def test_mars_at_its_nearest():
    # The opposition of August 2003: 0.372719 astronomical units on the 27th at 9:51.
    mars = ephem.Mars("2003/8/27 9:51")
    assert mars.earth_distance == pytest.approx(0.372719, abs=5e-6)
    assert mars.copy().earth_distance == mars.earth_distance


def test_an_equinox_and_a_star():
    assert str(ephem.next_vernal_equinox("2026")).startswith("2026/3/20 14:4")
    star = ephem.star("Sirius", "2000/1/1")
    assert math.degrees(star.a_ra) == pytest.approx(101.287, abs=0.001)


def test_observers():
    boston = ephem.city("Boston")
    boston.date = "2026/6/21"
    assert boston.next_setting(ephem.Sun()) > boston.date
    assert 0 <= boston.sidereal_time() < 2 * math.pi


def test_an_error():
    with pytest.raises(ValueError):
        ephem.Date("no date")
