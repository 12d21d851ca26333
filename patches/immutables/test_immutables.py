import pickle

import pytest
from immutables import Map, _map
from immutables.map import Map as PureMap


def test_compiled_core_is_in_use():
    assert Map is _map.Map
    assert Map is not PureMap


def test_changes_leave_the_original_alone():
    first = Map(a=1)
    second = first.set("b", 2)
    third = second.delete("a")
    assert (dict(first), dict(second), dict(third)) == ({"a": 1}, {"a": 1, "b": 2}, {"b": 2})
    with first.mutate() as mutation:
        mutation["c"] = 3
        mutation.pop("a")
        fourth = mutation.finish()
    assert fourth == Map(c=3)
    assert first == Map(a=1)


def test_compiled_and_pure_agree():
    class Collides(int):
        def __hash__(self):
            return int(self) % 7

    compiled, pure = Map(), PureMap()
    for number in range(500):
        key = Collides(number)
        compiled, pure = compiled.set(key, number), pure.set(key, number)
    for number in range(0, 500, 3):
        compiled, pure = compiled.delete(Collides(number)), pure.delete(Collides(number))
    assert dict(compiled) == dict(pure)
    assert len(compiled) == 333


def test_hashes_and_pickles():
    value = Map({"x": (1, 2), "y": None})
    assert hash(value) == hash(Map({"y": None, "x": (1, 2)}))
    assert pickle.loads(pickle.dumps(value)) == value


def test_errors_of_keys_pass_through():
    class Broken:
        def __hash__(self):
            raise LookupError("no hash")

    with pytest.raises(LookupError, match="no hash"):
        Map().set(Broken(), 1)
    with pytest.raises(KeyError):
        Map()["a"]
