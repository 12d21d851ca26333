import Levenshtein
import pytest
from Levenshtein import levenshtein_cpp


def test_compiled_core_is_in_use():
    assert Levenshtein.median is levenshtein_cpp.median
    assert levenshtein_cpp.__file__.endswith(".so")


def test_known_values():
    assert Levenshtein.distance("kitten", "sitting") == 3
    assert Levenshtein.ratio("Hello world!", "Holly grail!") == pytest.approx(14 / 24)
    assert Levenshtein.hamming("Hello world!", "Holly grail!") == 7
    assert Levenshtein.jaro("Brian", "Jesus") == 0
    assert Levenshtein.editops("spam", "park") == [("delete", 0, 0), ("insert", 3, 2), ("replace", 3, 3)]


def test_medians():
    words = ["SpSm", "mpamm", "Spam", "Spa", "Sua", "hSam"]
    assert Levenshtein.median(words) == "Spam"
    assert Levenshtein.setmedian(["ehee", "cceaes", "chees", "chreesc", "chees", "cheesee", "cseese", "chetese"]) in (
        "chees",
        "cheese",
    )
    assert Levenshtein.seqratio(["newspaper", "litter bin"], ["newspaper", "litter bin"]) == 1
    assert Levenshtein.quickmedian(["fee", "fee", "foo"]) == "fee"


def test_errors():
    with pytest.raises(TypeError):
        Levenshtein.median([1, 2])
