import string

import datrie
import pytest


def test_the_module_is_compiled():
    assert datrie.__file__.endswith(".so")


def test_keys_and_prefixes():
    trie = datrie.Trie(string.ascii_lowercase)
    for number, word in enumerate(["foo", "foobar", "fob", "bar"]):
        trie[word] = [number]
    assert trie.keys() == ["bar", "fob", "foo", "foobar"]
    assert trie.prefix_items("foobarbaz") == [("foo", [0]), ("foobar", [1])]
    assert trie.longest_prefix("foobars") == "foobar"
    del trie["foo"]
    with pytest.raises(KeyError):
        trie["foo"]


def test_a_file(tmp_path):
    trie = datrie.BaseTrie(ranges=[("\u0430", "\u044f")])
    trie["\u0430\u0431"] = 7
    trie.save(str(tmp_path / "trie"))
    assert datrie.BaseTrie.load(str(tmp_path / "trie")).items() == [("\u0430\u0431", 7)]
