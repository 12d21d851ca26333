import marisa_trie
import pytest

WORDS = ["", "a", "ab", "abc", "b", "\u00e9t\u00e9", "\U0001f600"]


def test_the_module_is_compiled():
    assert marisa_trie.__file__.endswith(".so")


def test_keys_and_prefixes():
    trie = marisa_trie.Trie(WORDS)
    assert sorted(trie) == sorted(WORDS)
    assert trie.prefixes("abcd") == ["", "a", "ab", "abc"]
    assert sorted(trie.keys("ab")) == ["ab", "abc"]
    assert all(trie.restore_key(trie[word]) == word for word in WORDS)
    with pytest.raises(KeyError):
        trie["none"]


def test_records():
    trie = marisa_trie.RecordTrie("<Hd", [("one", (1, 1.5)), ("two", (2, 2.5)), ("one", (3, 3.5))])
    assert sorted(trie["one"]) == [(1, 1.5), (3, 3.5)]


def test_a_file(tmp_path):
    path = str(tmp_path / "words.marisa")
    marisa_trie.BytesTrie([("key", b"value")]).save(path)
    for load in ("load", "mmap"):
        again = marisa_trie.BytesTrie()
        getattr(again, load)(path)
        assert again["key"] == [b"value"]


def test_an_exception_from_cpp(tmp_path):
    path = tmp_path / "wrong"
    path.write_bytes(b"not a trie")
    with pytest.raises(RuntimeError):
        marisa_trie.Trie().load(str(path))
