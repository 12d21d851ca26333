"""Offer the names of Faasm's `pyfaasm.core`.

What differs, for the better: input and output are exact bytes, NUL bytes among them; a chained function that returns
None succeeded; errors are exceptions of `pywasm_host`, as NotFound for a key without a value. There is no emulator:
functions that set it up raise HostUnavailable, and `pywasm_host.testing` has what it was for.
"""

import os
from collections.abc import Callable
from typing import Any, NoReturn

import pywasm_host as host

# These three are public in Faasm; the input is never kept there.
env_cache: dict[str, bool] = {}
input_data: bytes | None = None
output_data: bytes | None = None

# What a call wrote and has not pushed yet, by call and key: offset and length of parts, no part for all of it.
_unpushed: dict[tuple[str, str], list[tuple[int, int]]] = {}

_LOCAL_CHAINING = "PYTHON_LOCAL_CHAINING"
_LOCAL_OUTPUT = "PYTHON_LOCAL_OUTPUT"


def get_env_bool(var_name: str) -> bool:
    """Tell whether an environment variable has a text, or what set_env_bool said in its place."""
    if var_name not in env_cache:
        env_cache[var_name] = bool(os.environ.get(var_name))
    return env_cache[var_name]


def set_env_bool(var_name: str, value: bool) -> None:
    """Set what get_env_bool gives from now on."""
    env_cache[var_name] = value


def is_local_chaining() -> bool:
    """Tell whether chained functions are called at once, in this process."""
    return get_env_bool(_LOCAL_CHAINING)


def is_local_output() -> bool:
    """Tell whether output is kept for get_output instead of being the call's."""
    return get_env_bool(_LOCAL_OUTPUT)


def set_local_chaining(value: bool) -> None:
    """Have chained functions called at once, in this process."""
    set_env_bool(_LOCAL_CHAINING, value)


def set_local_input_output(value: bool) -> None:
    """Have output kept for get_output."""
    set_env_bool(_LOCAL_OUTPUT, value)


def get_input_len() -> int:
    """Give the size of the input in bytes."""
    return len(host.read_input())


def read_input(input_len: int) -> bytes:
    """Give the first `input_len` bytes of the input."""
    return host.read_input()[: int(input_len)]


def get_input() -> bytes:
    """Give the whole input."""
    return host.read_input()


def write_output(output: bytes) -> None:
    """Make `output` the call's output."""
    global output_data
    if is_local_output():
        output_data = output
    else:
        host.write_output(output)


def set_output(output: bytes) -> None:
    """Do what write_output does, under its older name."""
    write_output(output)


def get_output() -> bytes | None:
    """Give the output that was kept; RuntimeError if none is, see set_local_input_output."""
    if not is_local_output():
        raise RuntimeError("the output is kept only after set_local_input_output(True)")
    return output_data


def read_state_size(key: str) -> int:
    """Give the size of a value in bytes, 0 if there is none."""
    try:
        return host.state_size(key)
    except host.NotFound:
        return 0


def read_state(key: str, state_len: int) -> bytes:
    """Give the first `state_len` bytes of a value, or as many as it has."""
    return host.read_state_range(key, 0, int(state_len))


def read_state_offset(key: str, total_len: int, offset: int, offset_len: int) -> bytes:
    """Give `offset_len` bytes of a value from `offset` on; `total_len` is not needed."""
    return host.read_state_range(key, int(offset), int(offset_len))


def write_state(key: str, value: bytes) -> None:
    """Replace a value, until it is pushed on this machine only."""
    host.write_state(key, value)
    _unpushed[_here(key)] = []


def write_state_offset(key: str, total_len: int, offset: int, value: bytes) -> None:
    """Replace a part of a value of `total_len` bytes, until it is pushed on this machine only."""
    host.write_state_range(key, int(offset), value, size=int(total_len))
    if _unpushed.get(_here(key)) != []:
        _unpushed.setdefault(_here(key), []).append((int(offset), len(value)))


def push_state(key: str) -> None:
    """Copy a value to all machines."""
    host.push_state(key)
    _unpushed.pop(_here(key), None)


def push_state_partial(key: str) -> None:
    """Copy the parts of a value that this call wrote with write_state_offset; all of it if there are none."""
    parts = _unpushed.pop(_here(key), [])
    if not parts:
        host.push_state(key)
    for offset, length in parts:
        host.push_state(key, offset, length)


def pull_state(key: str, state_len: int) -> None:
    """Replace a value by what was pushed last; `state_len` is not needed."""
    host.pull_state(key)


def chain(func: Callable[..., Any], input_data: bytes) -> int:
    """Call another function of this file, beside this one, and give its number for await_call."""
    if is_local_chaining():
        func(input_data)
        return 0
    return host.chain(func, input_data).number


def await_call(call_id: int) -> int:
    """Wait for a chained call and give its status, 0 if it succeeded."""
    return 0 if is_local_chaining() else host.await_call(call_id).status


def set_emulator_message(message_json: str) -> NoReturn:
    """Say that there is no emulator."""
    _refuse_emulator("set_emulator_message")


def set_emulator_status(success: object) -> NoReturn:
    """Say that there is no emulator."""
    _refuse_emulator("set_emulator_status")


def get_emulator_async_response() -> NoReturn:
    """Say that there is no emulator."""
    _refuse_emulator("get_emulator_async_response")


def _refuse_emulator(name: str) -> NoReturn:
    raise host.HostUnavailable(
        f"{name}: there is no emulator of Faasm here; pywasm_host.testing.call runs a function in native Python"
    )


def _here(key: str) -> tuple[str, str]:
    return host.call_id(), key
