import json
import math

import pytest
import ujson

VALUE = {"text": "\u00e9\U0001f600\n", "numbers": [0, -1, 2**63 - 1, 1e300, 0.1], "flags": [True, False, None]}


def test_it_is_the_compiled_module():
    assert ujson.__file__.endswith(".so")


def test_agrees_with_json():
    assert ujson.loads(json.dumps(VALUE)) == json.loads(ujson.dumps(VALUE)) == VALUE


def test_known_texts():
    assert ujson.dumps({"a": [1, 2.5, "</x>"]}) == '{"a":[1,2.5,"<\\/x>"]}'
    assert ujson.dumps("\u20ac") == '"\\u20ac"'
    assert ujson.dumps("\u20ac", ensure_ascii=False) == '"\u20ac"'
    assert ujson.dumps({"b": 1, "a": 2}, sort_keys=True, indent=2) == '{\n  "a": 2,\n  "b": 1\n}'


@pytest.mark.parametrize("number", [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -math.pi])
def test_shortest_text_of_a_float(number):
    assert ujson.loads(ujson.dumps(number)) == number
    assert len(ujson.dumps(number)) <= len(repr(number)) + 2


def test_errors():
    with pytest.raises(ujson.JSONDecodeError):
        ujson.loads('{"a": ')
    with pytest.raises(OverflowError):
        ujson.dumps(math.inf, allow_nan=False)
    with pytest.raises(TypeError):
        ujson.dumps(object())
