import io

import _ruamel_yaml
import pytest
from ruamel.yaml import YAML, CLoader, CParser
from ruamel.yaml.parser import ParserError

DOCUMENT = """
base: &base {name: one, size: 1.5}
again: *base
text: |
  two
  lines
flags: [yes, no, ~]
"""


def test_compiled_core_is_in_use():
    assert _ruamel_yaml.__file__.endswith(".so")
    assert issubclass(CLoader, _ruamel_yaml.CParser)
    assert CParser is _ruamel_yaml.CParser


def test_compiled_and_pure_loaders_agree():
    compiled, pure = YAML(typ="safe", pure=False), YAML(typ="safe", pure=True)
    assert compiled.Parser is _ruamel_yaml.CParser
    assert compiled.load(DOCUMENT) == pure.load(DOCUMENT)


def test_round_trip():
    value = {"a": [1, 2.5, None, True], "b": {"c": "\u00e9\U0001f600"}}
    yaml, stream = YAML(typ="safe", pure=False), io.StringIO()
    assert yaml.Emitter is _ruamel_yaml.CEmitter
    yaml.dump(value, stream)
    assert yaml.load(stream.getvalue()) == value


def test_error_names_the_place():
    with pytest.raises(ParserError, match="line 1"):
        YAML(typ="safe", pure=False).load("a: [1, 2")
