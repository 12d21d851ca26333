from datetime import timedelta

import cftime
import numpy as np
import pytest
from cftime import _cftime


def test_the_module_is_compiled():
    assert _cftime.__file__.endswith(".so")


def test_calendars_differ():
    units = "days since 2000-02-28"
    dates = {calendar: cftime.num2date(2, units, calendar) for calendar in ("standard", "noleap", "360_day")}
    assert {calendar: (date.month, date.day) for calendar, date in dates.items()} == {
        "standard": (3, 1),
        "noleap": (3, 2),
        "360_day": (2, 30),
    }


def test_arrays_there_and_back():
    numbers = np.array([0.0, 0.25, 400.5])
    dates = cftime.num2date(numbers, "hours since 1850-01-01", "julian")
    np.testing.assert_array_equal(cftime.date2num(dates, "hours since 1850-01-01", "julian"), numbers)


def test_arithmetic():
    # Pope Gregory's ten days.
    date = cftime.DatetimeGregorian(1582, 10, 4) + timedelta(days=1)
    assert (date.year, date.month, date.day) == (1582, 10, 15)
    assert cftime.datetime(2000, 1, 1, 12, calendar="standard").toordinal(fractional=True) == 2451545.0
    assert date.strftime("%Y-%m-%d") == "1582-10-15"


def test_an_error():
    with pytest.raises(ValueError):
        cftime.DatetimeNoLeap(2000, 2, 29)
