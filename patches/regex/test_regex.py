import pytest
import regex
from regex import _regex


def test_compiled_core_is_in_use():
    assert _regex.__file__.endswith(".so")
    assert type(regex.compile("a")).__module__ == "_regex"


def test_what_re_does_not_have():
    assert regex.fullmatch(r"(?:(?P<word>\w+) )+", "one two three ").captures("word") == ["one", "two", "three"]
    assert regex.findall(r"\p{Greek}+", "abc \u03b1\u03b2 def \u03b3") == ["\u03b1\u03b2", "\u03b3"]
    assert regex.search(r"(?:cats){e<=1}", "cuts").fuzzy_counts == (1, 0, 0)
    assert regex.match(r"\((?:[^()]++|(?R))*\)", "(a(b)c)d")[0] == "(a(b)c)"


def test_case_folding_and_graphemes():
    assert regex.fullmatch(r"(?if)strasse", "stra\u00dfe")
    assert regex.findall(r"\X", "e\u0301a") == ["e\u0301", "a"]


def test_error_names_the_place():
    with pytest.raises(regex.error, match="position 1"):
        regex.compile("(")
