"""Look at how numpy was built and what that gives: which libraries it computes with, and how quickly it multiplies."""

import time
from typing import Any

import numpy as np

import pywasm_host as host

DEFAULTS = {"size": 128}


def faasm_main() -> None:
    """Multiply two matrices of the size that the input says in JSON; writes numpy's version, machine and libraries."""
    wanted = DEFAULTS | (host.read_input_json() if host.read_input() else {})
    built: dict[str, Any] = np.show_config(mode="dicts")
    seconds = multiplied_in(wanted["size"])
    print(f"a product of two {wanted['size']}x{wanted['size']} matrices took {seconds:.3f} s")
    libraries = {kind: about.get("name", "") for kind, about in built["Build Dependencies"].items()}
    machine = built["Machine Information"]["host"]["cpu"]
    host.write_output_json({"numpy": np.__version__, "machine": machine, "libraries": libraries})


def multiplied_in(size: int) -> float:
    """Multiply two random matrices, check some of the product, and give how many seconds that took."""
    random = np.random.default_rng()
    one, other = random.random((size, size)), random.random((size, size))
    begin = time.perf_counter()
    product = one @ other
    seconds = time.perf_counter() - begin
    np.testing.assert_allclose(product[0], [sum(one[0] * other[:, column]) for column in range(size)])
    return seconds
