"""What needs no grammar; the recipes of the grammars try the parser."""

import pytest
import tree_sitter
from tree_sitter import Language, Parser, Point, Range


def test_compiled_core_is_in_use():
    assert tree_sitter._binding.__file__.endswith(".so")
    assert Parser.__module__ == "tree_sitter"


def test_versions_of_the_core():
    assert tree_sitter.MIN_COMPATIBLE_LANGUAGE_VERSION <= 14 <= tree_sitter.LANGUAGE_VERSION


def test_values():
    found = Range(Point(0, 1), Point(2, 3), 1, 20)
    assert (found.start_point.column, found.end_point.row, found.end_byte) == (1, 2, 20)


def test_refuses_what_is_no_language():
    with pytest.raises(TypeError, match="integer is required"):
        Language(object())
