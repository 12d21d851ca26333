import pytest
from lru import LRU, _lru


def test_compiled_core_is_in_use():
    assert LRU is _lru.LRU
    assert _lru.__file__.endswith(".so")


def test_the_oldest_goes_first():
    gone = []
    cache = LRU(3, callback=lambda key, value: gone.append((key, value)))
    for number in range(3):
        cache[number] = str(number)
    assert cache[0] == "0"
    cache[3] = "3"
    assert cache.items() == [(3, "3"), (0, "0"), (2, "2")]
    assert gone == [(1, "1")]
    assert cache.peek_first_item() == (3, "3")
    assert cache.peek_last_item() == (2, "2")
    cache.set_size(1)
    assert cache.keys() == [3]


def test_hits_and_misses():
    cache = LRU(2)
    cache["a"] = 1
    assert (cache.get("a"), cache.get("b")) == (1, None)
    assert cache.get_stats() == (1, 1)


def test_errors():
    with pytest.raises(ValueError):
        LRU(0)
    with pytest.raises(KeyError):
        LRU(1)["a"]
