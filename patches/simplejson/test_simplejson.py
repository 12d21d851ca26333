from decimal import Decimal

import pytest
import simplejson
from simplejson import _speedups, decoder, encoder, scanner

TEXT = '{"a": [1, 2.5, "x\\u20ac\\n", null, true], "b": {"c": -3e10}}'
VALUE = {"a": [1, 2.5, "x\u20ac\n", None, True], "b": {"c": -3e10}}


def test_compiled_core_is_in_use():
    assert encoder.c_make_encoder is _speedups.make_encoder
    assert scanner.make_scanner is _speedups.make_scanner
    assert decoder.scanstring is _speedups.scanstring


def test_known_texts():
    assert simplejson.loads(TEXT) == VALUE
    assert simplejson.dumps(VALUE, sort_keys=True) == TEXT.replace("-3e10", "-30000000000.0")


def test_compiled_and_pure_agree():
    texts = ["", "plain", '"\\\b\f\n\r\t\x00', "\u00e9\u20ac\U0001f600", "\ud800"]
    for text in texts:
        quoted = encoder.py_encode_basestring_ascii(text)
        assert _speedups.encode_basestring_ascii(text) == quoted
        assert _speedups.scanstring(quoted, 1) == decoder.py_scanstring(quoted, 1) == (text, len(quoted))


def test_decimals():
    number = Decimal("1.10")
    assert simplejson.dumps(number, use_decimal=True) == "1.10"
    assert str(simplejson.loads("1.10", use_decimal=True)) == "1.10"


def test_error_names_the_place():
    with pytest.raises(simplejson.JSONDecodeError, match="line 2 column 1"):
        simplejson.loads("[1,\n}")
    with pytest.raises(RecursionError):
        simplejson.loads("[" * 100_000)
