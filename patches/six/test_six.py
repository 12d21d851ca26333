import six
from six.moves import urllib


def test_text_and_bytes():
    assert six.ensure_str(b"x") == "x"
    assert six.PY3 and six.text_type is str


def test_moves():
    assert urllib.parse.quote("a b") == "a%20b"
