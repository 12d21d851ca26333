import pytest
from rapidfuzz import fuzz, fuzz_cpp, fuzz_py, process, process_cpp, utils, utils_cpp
from rapidfuzz.distance import Indel, JaroWinkler, Levenshtein, metrics_cpp, metrics_py

WORDS = ["new york jets", "new york giants", "dallas cowboys", "", "\u03b1\u03b2\u03b3 \U0001f600", "x" * 300]


def test_compiled_core_is_in_use():
    assert fuzz.ratio is fuzz_cpp.ratio
    assert Levenshtein.distance is metrics_cpp.levenshtein_distance
    assert process.extract is process_cpp.extract
    assert utils.default_process is utils_cpp.default_process


def test_known_distances():
    assert Levenshtein.distance("kitten", "sitting") == 3
    assert Levenshtein.distance("lewenstein", "levenshtein", weights=(1, 1, 2)) == 3
    assert Indel.distance("kitten", "sitting") == 5
    assert JaroWinkler.similarity("MARTHA", "MARHTA") == pytest.approx(0.961111, abs=1e-6)
    assert fuzz.ratio("this is a test", "this is a test!") == pytest.approx(2800 / 29)
    assert fuzz.token_sort_ratio("fuzzy wuzzy was a bear", "wuzzy fuzzy was a bear") == 100


def test_compiled_and_pure_agree():
    for first in WORDS:
        for second in WORDS:
            assert fuzz.WRatio(first, second) == pytest.approx(fuzz_py.WRatio(first, second))
            assert metrics_cpp.osa_distance(first, second) == metrics_py.osa_distance(first, second)


def test_best_match():
    best = process.extractOne("new york giants!", WORDS, processor=utils.default_process)
    assert best == ("new york giants", 100.0, 1)
    assert [tuple(op) for op in Levenshtein.editops("ab", "b")] == [("delete", 0, 0)]


def test_exceptions_of_python_pass_through():
    def scorer(*arguments, **options):
        raise LookupError("from the scorer")

    with pytest.raises(LookupError, match="from the scorer"):
        process.extractOne("a", WORDS, scorer=scorer)
    with pytest.raises(TypeError):
        Levenshtein.distance(1, "a")
