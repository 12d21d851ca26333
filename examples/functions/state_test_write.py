"""Write state: a whole value, then a part of it, locally and for all machines."""

import pywasm_host as host

KEY = "state_test"
WHOLE, CHANGED = b"0123456789", b"0199956789"


def faasm_main() -> None:
    """Write, push, change a part, push that part; pulling shows each time what the other machines see."""
    host.write_state(KEY, WHOLE)
    host.push_state(KEY)
    expect(WHOLE)
    host.write_state_range(KEY, 2, b"999")
    host.pull_state(KEY)
    expect(WHOLE)  # what was not pushed is gone
    host.write_state_range(KEY, 2, b"999")
    host.push_state(KEY, 2, 3)
    host.pull_state(KEY)
    expect(CHANGED)


def expect(value: bytes) -> None:
    """Check the whole value, its size, and a part."""
    found = host.read_state(KEY)
    if (found, host.state_size(KEY), host.read_state_range(KEY, 2, 3)) != (value, len(value), value[2:5]):
        raise ValueError(f"the state is {found!r}, not {value!r}")
