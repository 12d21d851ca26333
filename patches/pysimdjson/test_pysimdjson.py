import csimdjson
import pytest
import simdjson

TEXT = b'{"a": [1, 2.5, null, true, "\\u00e9"], "big": 18446744073709551615, "deep": {"x": {"y": [-1]}}}'


def test_the_module_is_compiled():
    assert csimdjson.__file__.endswith(".so")
    assert simdjson.Parser is csimdjson.Parser


def test_values():
    assert simdjson.loads(TEXT) == {
        "a": [1, 2.5, None, True, "\u00e9"],
        "big": 18446744073709551615,
        "deep": {"x": {"y": [-1]}},
    }


def test_a_pointer_into_a_document():
    document = simdjson.Parser().parse(TEXT)
    assert document.at_pointer("/deep/x/y/0") == -1
    with pytest.raises(KeyError):
        document.at_pointer("/deep/z")


def test_a_buffer_of_doubles():
    numbers = simdjson.Parser().parse(b"[1, 2.5, -3]")
    assert memoryview(numbers.as_buffer(of_type="d")).cast("d").tolist() == [1.0, 2.5, -3.0]


def test_an_exception_from_cpp():
    with pytest.raises(ValueError):
        simdjson.loads(b'{"a": [1, }')
