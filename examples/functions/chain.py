"""Call functions of this file beside this call, and use what they give."""

import pywasm_host as host


def faasm_main() -> None:
    """Chain two calls, wait for both, and join their outputs."""
    calls = [host.chain(reversed_bytes, b"1234"), host.chain(doubled, b"5678")]
    host.write_output(b" ".join(call.output() for call in calls))


def reversed_bytes(content: bytes) -> None:
    """Write the input backwards."""
    host.write_output(content[::-1])


def doubled(content: bytes) -> None:
    """Write the input twice."""
    host.write_output(content * 2)


def failing() -> int:
    """Show how a failed call is seen: by its status, with the output that it wrote."""
    status = host.chain(refusing, b"x").wait()
    host.write_output_text(f"{status.status} {status.failure}")
    return 0 if status.status == 3 else 1


def refusing(content: bytes) -> int:
    """Fail with a status of its own."""
    host.write_output(content)
    return 3
