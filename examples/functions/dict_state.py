"""Share a dictionary between two calls, pickled, as state."""

import pickle
from typing import Any

import pywasm_host as host

BEFORE, AFTER = "dict_state/before", "dict_state/after"


def faasm_main() -> None:
    """Write a dictionary, have another call extend it, and check what it made of it."""
    write(BEFORE, {"alpha": "beta", "gamma": "delta"})
    host.chain(extend).output()
    found = read(AFTER)
    if found != {"alpha": "beta", "gamma": "delta", "epsilon": "zeta"}:
        raise ValueError(f"the dictionary became {found}")
    host.write_output_json(found)


def extend() -> None:
    """Take the dictionary, and write another one with an item more."""
    write(AFTER, {**read(BEFORE), "epsilon": "zeta"})


def read(key: str) -> Any:
    """Give an object from state."""
    return pickle.loads(host.read_state(key))


def write(key: str, value: object) -> None:
    """Keep an object as state."""
    host.write_state(key, pickle.dumps(value))
