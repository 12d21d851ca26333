import datetime

import ciso8601
import pytest

UTC = datetime.UTC


def test_it_is_compiled():
    assert ciso8601.__file__.endswith(".so")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2014-12-05T12:30:45.123456-05:30", "2014-12-05 12:30:45.123456-05:30"),
        ("20141205T123045Z", "2014-12-05 12:30:45+00:00"),
        ("2014-W49-5", "2014-12-05 00:00:00"),
        ("2014-339", "2014-12-05 00:00:00"),
    ],
)
def test_known_times(text, expected):
    assert str(ciso8601.parse_datetime(text)) == expected


def test_agrees_with_datetime():
    first = datetime.datetime(1900, 1, 1, tzinfo=UTC)
    for days in range(0, 100_000, 997):
        when = first + datetime.timedelta(days=days, seconds=days, microseconds=days)
        assert ciso8601.parse_rfc3339(when.isoformat()) == when


def test_errors():
    with pytest.raises(ValueError, match="day is out of range"):
        ciso8601.parse_datetime("2014-02-30")
    with pytest.raises(ValueError):
        ciso8601.parse_rfc3339("2014-12-05")
