"""Multiply matrices by divide and conquer: each level splits both in four, and chains eight products of the parts.

The two matrices are state, which all calls read; the products are outputs of the calls.
"""

import json
from typing import Any

import numpy as np

import pywasm_host as host

DEFAULTS = {"size": 64, "levels": 1, "seed": 7}


def faasm_main() -> None:
    """Multiply two random matrices as the input says, JSON: size, levels, seed. Writes the product as float32."""
    wanted = DEFAULTS | (host.read_input_json() if host.read_input() else {})
    size, key = wanted["size"], f"mat_mul/{host.call_id()}"
    if size < 1 or size % (1 << wanted["levels"]):
        raise ValueError(f"a matrix of size {size} cannot be halved {wanted['levels']} times")
    random = np.random.default_rng(wanted["seed"])
    one, other = (random.random((size, size), dtype=np.float32) for _ in range(2))
    host.write_state(key, one.tobytes() + other.tobytes())
    try:
        part = {"key": key, "size": size, "levels": wanted["levels"], "one": [0, 0], "other": [0, 0], "part": size}
        product = multiplied(part)
    finally:
        host.delete_state(key)
    np.testing.assert_allclose(product, one @ other, rtol=1e-4)
    host.write_output(product.tobytes())


def multiply(content: bytes) -> None:
    """Multiply a part of the one matrix with a part of the other."""
    host.write_output(multiplied(json.loads(content)).tobytes())


def multiplied(part: dict[str, Any]) -> Any:
    """Give the product of two parts, of `part` rows and columns, that begin at `one` and `other`."""
    if part["levels"] == 0:
        return part_of(part, 0, part["one"]) @ part_of(part, 1, part["other"])
    half = part["part"] // 2
    calls = {(r, c, k): host.chain(multiply, smaller(part, half, r, c, k)) for r, c, k in np.ndindex(2, 2, 2)}
    found = {at: np.frombuffer(call.output(), np.float32).reshape(half, half) for at, call in calls.items()}
    return np.block([[found[r, c, 0] + found[r, c, 1] for c in range(2)] for r in range(2)])


def smaller(part: dict[str, Any], half: int, row: int, column: int, inner: int) -> bytes:
    """Say which quarters to multiply: of the one that in `row`, of the other that in `column`."""
    (top, left), (other_top, other_left) = part["one"], part["other"]
    places = {
        "one": [top + row * half, left + inner * half],
        "other": [other_top + inner * half, other_left + column * half],
    }
    return json.dumps({**part, **places, "part": half, "levels": part["levels"] - 1}).encode()


def part_of(part: dict[str, Any], which: int, place: list[int]) -> Any:
    """Read a square part of the first or second matrix from state: only the rows that it is in."""
    size, length, (top, left) = part["size"], part["part"], place
    rows = host.read_state_range(part["key"], 4 * size * (which * size + top), 4 * size * length)
    return np.frombuffer(rows, np.float32).reshape(length, size)[:, left : left + length]
