import pickle

import ahocorasick
import pytest


@pytest.fixture
def automaton():
    made = ahocorasick.Automaton()
    for index, word in enumerate(["he", "her", "hers", "she", "\u20acuro"]):
        made.add_word(word, (index, word))
    made.make_automaton()
    return made


def test_it_is_compiled():
    assert ahocorasick.__file__.endswith(".so")
    assert ahocorasick.unicode == 1


def test_matches(automaton):
    assert list(automaton.iter("ushers \u20acuro")) == [
        (3, (3, "she")),
        (3, (0, "he")),
        (4, (1, "her")),
        (5, (2, "hers")),
        (10, (4, "\u20acuro")),
    ]
    assert list(automaton.iter_long("hershe")) == [(3, (2, "hers")), (5, (0, "he"))]


def test_as_a_mapping(automaton):
    assert "her" in automaton
    assert automaton.get("he") == (0, "he")
    assert sorted(automaton.keys("he")) == ["he", "her", "hers"]
    assert automaton.longest_prefix("herself") == 4


def test_pickles(automaton):
    copy = pickle.loads(pickle.dumps(automaton))
    assert list(copy.iter("ushers")) == list(automaton.iter("ushers"))


def test_many_words():
    made = ahocorasick.Automaton(ahocorasick.STORE_INTS)
    for number in range(20_000):
        made.add_word(f"<{number}>", number)
    made.make_automaton()
    assert [value for _, value in made.iter("a<5>b<19999>c<20000>")] == [5, 19999]


def test_errors():
    empty = ahocorasick.Automaton()
    empty.add_word("a", 1)
    with pytest.raises(AttributeError, match="Aho-Corasick"):
        empty.iter("a")
    with pytest.raises(KeyError):
        empty.get("b")
