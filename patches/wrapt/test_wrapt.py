import inspect

import wrapt
from wrapt import _wrappers


def test_compiled_core_is_in_use():
    assert wrapt.ObjectProxy.__mro__[1] is _wrappers.ObjectProxy or wrapt.ObjectProxy is _wrappers.ObjectProxy
    assert wrapt.FunctionWrapper is _wrappers.FunctionWrapper
    assert wrapt.PartialCallableObjectProxy is _wrappers.PartialCallableObjectProxy


@wrapt.decorator
def doubled(wrapped, instance, args, kwargs):
    return instance, 2 * wrapped(*args, **kwargs)


class Number:
    @doubled
    def plus(self, a, b=1):
        return a + b

    @doubled
    @classmethod
    def of(cls, a):
        return a


def test_decorated_methods():
    number = Number()
    assert number.plus(2, b=3) == (number, 10)
    assert Number.of(4) == (Number, 8)
    assert str(inspect.signature(number.plus)) == "(a, b=1)"


def test_proxy():
    values = [3, 1, 2]
    proxy = wrapt.ObjectProxy(values)
    proxy += [0]
    assert isinstance(proxy, list)
    assert proxy.__wrapped__ is values
    assert sorted(proxy) == [0, 1, 2, 3]


def test_partial():
    assert wrapt.PartialCallableObjectProxy(pow, 2)(10) == 1024
