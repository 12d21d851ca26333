import pickle

import pytest
from multidict import CIMultiDict, MultiDict, MultiDictProxy, _multidict, _multidict_py, istr


def test_compiled_core_is_in_use():
    assert MultiDict is _multidict.MultiDict
    assert istr is _multidict.istr


def test_many_values_of_a_key():
    found = MultiDict([("a", 1), ("b", 2), ("a", 3)])
    assert found.getall("a") == [1, 3]
    assert found.popone("a") == 1
    found.add("A", 4)
    assert list(found.items()) == [("b", 2), ("a", 3), ("A", 4)]
    with pytest.raises(KeyError):
        found["c"]


def test_case_does_not_matter():
    found = CIMultiDict({"Content-Type": "text/plain"})
    found["CONTENT-TYPE"] = "text/html"
    assert found.getall(istr("content-type")) == ["text/html"]


def test_compiled_and_pure_agree():
    pairs = [(f"key {n % 50}", n) for n in range(1000)]
    compiled, pure = _multidict.MultiDict(pairs), _multidict_py.MultiDict(pairs)
    for found in (compiled, pure):
        found.extend(more="x")
        del found["key 7"]
    assert list(compiled.items()) == list(pure.items())
    assert pickle.loads(pickle.dumps(compiled)) == compiled


def test_proxy_sees_changes():
    found = MultiDict(a=1)
    proxy = MultiDictProxy(found)
    found["a"] = 2
    assert proxy["a"] == 2
