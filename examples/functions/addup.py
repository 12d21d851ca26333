"""Add up numbers, little-endian float64, in four calls beside each other."""

import numpy as np

import pywasm_host as host


def faasm_main() -> None:
    """Split the input, have each part added up, and write the sum of the sums."""
    numbers = np.frombuffer(host.read_input(), dtype="<f8")
    calls = [host.chain(total, part.tobytes()) for part in np.array_split(numbers, 4)]
    host.write_output(str(sum(float(host.await_output(call)) for call in calls)).encode())


def total(part: bytes) -> None:
    """Write the sum of a part."""
    host.write_output(str(np.frombuffer(part, dtype="<f8").sum()).encode())
