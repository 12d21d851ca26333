import datetime
import json

import msgspec
import pytest
from msgspec import _core


class Point(msgspec.Struct, tag=True):
    x: int
    y: float = 0.5
    label: str | None = None


def test_compiled_core_is_in_use():
    assert _core.__file__.endswith(".so")
    assert msgspec.Struct is _core.Struct


def test_json():
    value = {"a": [1, 2.5, "x\u20ac", None, True], "b": {"c": -3e10}}
    assert json.loads(msgspec.json.encode(value)) == msgspec.json.decode(json.dumps(value)) == value
    assert msgspec.json.encode(Point(1)) == b'{"type":"Point","x":1,"y":0.5,"label":null}'


def test_typed_decoding():
    assert msgspec.json.decode(b'[{"type":"Point","x":1,"label":"p"}]', type=list[Point]) == [Point(1, label="p")]
    when = msgspec.json.decode(b'"2026-01-02T03:04:05Z"', type=datetime.datetime)
    assert when == datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)


def test_msgpack():
    # The example of the front page of MessagePack.
    assert msgspec.msgpack.encode({"compact": True, "schema": 0}).hex() == "82a7636f6d70616374c3a6736368656d6100"
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(Point(2, 3)), type=Point) == Point(2, 3)


@pytest.mark.parametrize("number", [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, 1e22])
def test_floats(number):
    assert json.loads(msgspec.json.encode(number)) == msgspec.json.decode(repr(number)) == number


def test_errors_name_the_place():
    with pytest.raises(msgspec.ValidationError, match=r"Expected `int`, got `str` - at `\$\.x`"):
        msgspec.json.decode(b'{"type":"Point","x":"1"}', type=Point)
    with pytest.raises(msgspec.DecodeError, match="byte 4"):
        msgspec.json.decode(b"[1, }")
