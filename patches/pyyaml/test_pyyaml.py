import pytest
import yaml

DOCUMENT = """
- &base {name: one, size: 1.5, when: 2026-01-02}
- *base
- text: |
    two
    lines
  flags: [yes, no, ~]
"""


def test_libyaml_is_in_use():
    assert yaml.__with_libyaml__
    assert yaml._yaml.get_version() == (0, 2, 5)


def test_compiled_and_pure_loaders_agree():
    assert yaml.load(DOCUMENT, yaml.CSafeLoader) == yaml.load(DOCUMENT, yaml.SafeLoader)


def test_round_trip():
    value = {"a": [1, 2.5, None, True], "b": {"c": "\u00e9\U0001f600"}}
    text = yaml.dump(value, Dumper=yaml.CSafeDumper, allow_unicode=True)
    assert yaml.load(text, yaml.CSafeLoader) == value


def test_error_names_the_place():
    with pytest.raises(yaml.YAMLError, match="line 2"):
        yaml.load("a: 1\n b: [", yaml.CSafeLoader)
