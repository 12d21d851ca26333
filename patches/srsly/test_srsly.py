import pytest
import srsly
from srsly import ujson
from srsly.msgpack import _epoch, _packer, _unpacker
from srsly.ujson import ujson as compiled

VALUE = {"a": [1, 2.5, None, True, "\u00e9\U0001f600"], "b": {"c": -(2**53), "d": []}}


def test_the_modules_are_compiled():
    assert all(module.__file__.endswith(".so") for module in (_epoch, _packer, _unpacker, compiled))


def test_json():
    assert srsly.json_loads(srsly.json_dumps(VALUE)) == VALUE
    assert ujson.dumps([1.5, "<\u00e9>"], escape_forward_slashes=False) == '[1.5,"<\\u00e9>"]'
    with pytest.raises(ValueError):
        ujson.loads("[1, 2")


def test_msgpack():
    packed = srsly.msgpack_dumps({"a": [1, -1, 2**63, 1.5, b"\x00", "\u00e9"]})
    assert packed.hex() == "81a1619601ffcf8000000000000000cb3ff8000000000000c40100a2c3a9"
    assert srsly.msgpack_loads(packed) == {"a": [1, -1, 2**63, 1.5, b"\x00", "\u00e9"]}


def test_yaml_and_pickle():
    assert srsly.yaml_loads(srsly.yaml_dumps(VALUE)) == VALUE
    assert srsly.pickle_loads(srsly.pickle_dumps(lambda x: x + 1))(1) == 2
