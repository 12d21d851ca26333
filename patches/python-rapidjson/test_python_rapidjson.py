import json
from decimal import Decimal

import pytest
import rapidjson

VALUE = {"a": [1, 2.5, None, True, "\u00e9\U0001f600"], "b": {"c": -(2**53), "d": []}}


def test_the_module_is_compiled():
    assert rapidjson.__file__.endswith(".so")


def test_it_agrees_with_json():
    text = rapidjson.dumps(VALUE)
    assert json.loads(text) == VALUE
    assert rapidjson.loads(json.dumps(VALUE)) == VALUE


def test_numbers():
    assert rapidjson.loads("[1e-7, 123456789012345678901234567890]") == [1e-7, 123456789012345678901234567890]
    assert rapidjson.loads("1.10", number_mode=rapidjson.NM_DECIMAL) == Decimal("1.10")
    assert rapidjson.dumps([0.1, 1.1, 1e300]) == "[0.1,1.1,1e+300]"


def test_an_error_names_the_place():
    with pytest.raises(rapidjson.JSONDecodeError, match="offset 5"):
        rapidjson.loads("[1,2,")


def test_a_schema():
    validate = rapidjson.Validator('{"type": "object", "required": ["a"]}')
    validate('{"a": 1}')
    with pytest.raises(rapidjson.ValidationError):
        validate("{}")
