"""Read the state that state_test_write left, as another function of the same user."""

import pywasm_host as host

KEY = "state_test"


def faasm_main() -> None:
    """Check the value and parts of it; without it the call fails with NotFound."""
    expected = {(0, 10): b"0199956789", (0, 3): b"019", (4, 4): b"9567", (8, 100): b"89"}
    for (offset, length), part in expected.items():
        found = host.read_state_range(KEY, offset, length)
        if found != part:
            raise ValueError(f"{length} bytes from {offset} on are {found!r}, not {part!r}")
    with host.state_view(KEY) as view:
        host.write_output(bytes(view))
