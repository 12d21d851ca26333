import datetime
from decimal import Decimal
from fractions import Fraction

import _cbor2
import cbor2
import pytest
from cbor2 import _decoder, _encoder

# RFC 8949, appendix A.
KNOWN = [
    (1000000000000, "1b000000e8d4a51000"),
    (-18446744073709551617, "c349010000000000000000"),
    (1.1, "fb3ff199999999999a"),
    (float("inf"), "f97c00"),
    ("\U00010151", "64f0908591"),
    ([1, [2, 3], [4, 5]], "8301820203820405"),
    ({"a": 1, "b": [2, 3]}, "a26161016162820203"),
    (None, "f6"),
    (b"\x01\x02\x03\x04", "4401020304"),
]


def test_compiled_core_is_in_use():
    assert cbor2.CBOREncoder is _cbor2.CBOREncoder
    assert cbor2.loads is _cbor2.loads


@pytest.mark.parametrize(("value", "packed"), KNOWN)
def test_known_bytes(value, packed):
    assert cbor2.loads(bytes.fromhex(packed)) == value
    assert cbor2.dumps(value, canonical=True).hex() == packed


def test_compiled_and_pure_agree():
    value = {
        "when": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
        "numbers": [Decimal("1.10"), Fraction(1, 3), 2**70, -1.5],
        "nested": [{"a": (1, 2)}, {3, 4}, "x" * 70000],
    }
    packed = cbor2.dumps(value)
    assert packed == _encoder.dumps(value)
    assert cbor2.loads(packed) == _decoder.loads(packed)


def test_shared_values():
    value = [1]
    value.append(value)
    copy = cbor2.loads(cbor2.dumps(value, value_sharing=True))
    assert copy[1] is copy


def test_errors():
    with pytest.raises(cbor2.CBORDecodeEOF):
        cbor2.loads(b"\x83\x01")
    with pytest.raises(cbor2.CBOREncodeTypeError):
        cbor2.dumps(object())
