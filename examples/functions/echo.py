"""Give the input back, exactly: any bytes."""

import pywasm_host as host


def faasm_main() -> None:
    """Write the input as output."""
    host.write_output(host.read_input())
