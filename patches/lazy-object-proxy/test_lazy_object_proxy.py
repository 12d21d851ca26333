import lazy_object_proxy
import pytest
from lazy_object_proxy import cext


def test_compiled_core_is_in_use():
    assert lazy_object_proxy.Proxy is cext.Proxy
    assert cext.__file__.endswith(".so")


def test_made_once_when_it_is_needed():
    calls = []

    def make():
        calls.append(1)
        return [1, 2]

    proxy = lazy_object_proxy.Proxy(make)
    assert calls == []
    assert [*proxy, 3] == [1, 2, 3]
    proxy.append(4)
    assert (list(proxy), len(proxy), proxy == [1, 2, 4], calls) == ([1, 2, 4], 3, True, [1])
    assert isinstance(proxy, list)


def test_operators():
    number = lazy_object_proxy.Proxy(lambda: 7)
    assert (number // 2, 20 % number, number**2, -number, float(number), number << 1) == (3, 6, 49, -7, 7.0, 14)
    assert hash(number) == hash(7)
    assert f"{number:03}" == "007"


def test_errors_of_the_factory_pass_through():
    def broken():
        raise LookupError("from the factory")

    with pytest.raises(LookupError, match="from the factory"):
        len(lazy_object_proxy.Proxy(broken))
