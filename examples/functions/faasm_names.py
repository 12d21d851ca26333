"""Run as it would on Faasm: with pyfaasm's names, statuses and exit, nothing of pywasm_host."""

import sys

from pyfaasm.core import (
    await_call,
    chain,
    get_input_len,
    pull_state,
    push_state,
    push_state_partial,
    read_input,
    read_state,
    read_state_offset,
    read_state_size,
    write_output,
    write_state,
    write_state_offset,
)

KEY = "pyStateTest"


def chain_one(input_bytes: bytes) -> int:
    """Take part in the chain; on Faasm a function had to return 0."""
    write_state_offset(KEY, 10, 2, input_bytes)
    push_state_partial(KEY)
    return 0


def chain_two(input_bytes: bytes) -> None:
    """Exit with a status."""
    sys.exit(len(input_bytes))


def faasm_main() -> int:
    """Write what the input and the state have become."""
    text = read_input(get_input_len())
    write_state(KEY, b"0123456789")
    push_state(KEY)
    statuses = [await_call(chain(chain_one, b"999")), await_call(chain(chain_two, b"ab"))]
    pull_state(KEY, 10)
    if statuses != [0, 2] or read_state_offset(KEY, 10, 2, 3) != b"999":
        print(f"chained functions failed: {statuses}")
        sys.exit(1)
    write_output(text + read_state(KEY, read_state_size(KEY)))
    return 0
