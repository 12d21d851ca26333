"""Test functions with plain pytest, in native Python: nothing is compiled, uploaded or isolated.

    import addup
    from pywasm_host.testing import call

    def test_addup():
        result = call(addup, numbers.tobytes())
        assert (result.status, result.output) == (0, b"6.0")

What differs from the real host: calls share the module's global variables, there are no limits of memory or time, and
a chained call runs when it is waited for. A lock that another call has is never waited for.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pywasm_host.local_backend import Function, LocalCall, World, find_entry
from pywasm_host.local_state import LocalState

__all__ = ["Function", "LocalState", "Result", "World", "call"]


@dataclass(frozen=True, kw_only=True)
class Result:
    """Hold how a call ended.

    status: what the entry returned, 0 for None, 1 for an exception. failure: "", "status" or "exception".
    error: one line about a failure; traceback: of the exception. output: what it wrote, if it failed too.
    log: levels and messages. children: of the calls that it chained, in order. state: shared by its world.
    """

    id: str
    status: int
    failure: str
    error: str
    traceback: str
    output: bytes
    log: tuple[tuple[int, str], ...]
    children: tuple["Result", ...]
    state: LocalState


def call(
    function: Function,
    content: bytes | str = b"",
    *,
    entry: str = "",
    world: World | None = None,
    config: Mapping[str, str] | None = None,
    functions: Mapping[str, Function] | None = None,
) -> Result:
    """Call a function as the host would: a module, whose `entry` is called, or an entry itself.

    content: the input; a text is encoded in UTF-8. world: what several calls of a test share, above all state.
    config, functions: for a call with a world of its own, see World.
    """
    if world is None:
        world = World(config=config or {}, functions=functions or {})
    elif config is not None or functions is not None:
        raise TypeError("config and functions are the world's, if there is one")
    raw = content.encode() if isinstance(content, str) else bytes(content)
    one = LocalCall(world, world.next_id(), find_entry(function, entry=entry), raw)
    one.run()
    return _result(one)


def _result(one: LocalCall) -> Result:
    ending = one.run()
    return Result(
        id=one.id,
        status=ending.status,
        failure=ending.failure,
        error=ending.error,
        traceback=ending.traceback,
        output=one.output,
        log=tuple(one.logged),
        children=tuple(_result(child) for child in one.children),
        state=one.world.state,
    )
