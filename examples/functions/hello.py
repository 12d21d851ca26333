"""Say hello, and which Python does."""

import sys

import pywasm_host as host


def faasm_main() -> None:
    """Write a greeting; the input, if there is one, is who is greeted."""
    name = host.read_input_text() or "world"
    version = ".".join(map(str, sys.version_info[:3]))
    host.write_output_text(f"Hello, {name}! This is Python {version} on {sys.platform}.")
