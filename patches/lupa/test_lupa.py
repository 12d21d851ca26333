import pytest
from lupa import LuaError, LuaRuntime, lua54


@pytest.fixture
def lua():
    return LuaRuntime(unpack_returned_tuples=True)


def test_it_is_compiled():
    assert lua54.__file__.endswith(".so")


def test_values_and_functions(lua):
    assert lua.eval("1 + 2 * 3") == 7
    assert lua.eval("('x'):rep(3)") == "xxx"
    lua.execute("function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end")
    assert lua.globals().fib(20) == 6765
    table = lua.table_from({"a": [1, 2]}, recursive=True)
    assert table.a[2] == 2


def test_calls_back_into_python(lua):
    assert lua.eval("python.eval('sum(range(10))')") == 45
    assert lua.eval("function(f) return f(2) + f(3) end")(lambda number: number**2) == 13


def test_coroutines(lua):
    numbers = lua.eval("coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)")
    assert [numbers() for _ in range(3)] == [1, 2, 3]


def test_errors_cross_both_ways(lua):
    # Lua leaves its functions by longjmp.
    with pytest.raises(LuaError, match="from Lua"):
        lua.execute("error('from Lua')")
    assert lua.eval("pcall(function() error('caught') end)") is not True

    def broken():
        raise LookupError("from Python")

    with pytest.raises(LookupError, match="from Python"):
        lua.eval("function(f) f() end")(broken)
    assert lua.eval("1") == 1


def test_there_is_no_shell(lua):
    assert lua.eval("os.execute()") is False
    assert lua.eval("os.execute('true')")[0] is None
