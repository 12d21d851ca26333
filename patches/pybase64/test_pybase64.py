import base64
import binascii

import pybase64
import pytest
from pybase64 import _pybase64


def test_compiled_core_is_in_use():
    assert _pybase64.__file__.endswith(".so")
    assert pybase64.b64encode is _pybase64.b64encode


def test_known_values():
    # RFC 4648, section 10.
    texts = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]
    for length, text in enumerate(texts):
        assert pybase64.b64encode(b"foobar"[:length]) == text.encode()
        assert pybase64.b64decode(text, validate=True) == b"foobar"[:length]


@pytest.mark.parametrize("length", [1, 47, 48, 49, 1000, 100_003])
def test_agrees_with_base64(length):
    data = bytes((number * 7 + number // 256) % 256 for number in range(length))
    assert pybase64.b64encode(data) == base64.b64encode(data)
    assert pybase64.urlsafe_b64decode(pybase64.urlsafe_b64encode(data)) == data
    assert pybase64.b64decode(base64.b64encode(data), altchars="+/") == data


def test_errors():
    with pytest.raises(binascii.Error):
        pybase64.b64decode(b"Zg==Z", validate=True)
    with pytest.raises(binascii.Error):
        pybase64.b64decode(b"Zg=*", validate=True)
