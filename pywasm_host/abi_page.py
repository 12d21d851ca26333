"""Write docs/host-interface.md: what the table of host calls says, for people.

python -m pywasm_host.abi_page > docs/host-interface.md
"""

from pywasm_host.abi import ABI_VERSION, HOST_FUNCTIONS, SYMBOL_PREFIX, ErrorCode, HostFunction, Result
from pywasm_host.errors import error_for

_HEAD = f"""# The host interface

The functions that the host gives to a guest, version {ABI_VERSION} of the interface. Python code uses them through
`pywasm_host`; other guest code can call them by their symbols, `{SYMBOL_PREFIX}` and the name.

This page is made from the table in `pywasm_host/abi.py`: `python -m pywasm_host.abi_page > docs/host-interface.md`.

## How they are called

- Every parameter and result is an i32. A `text` (UTF-8) and `data` (any bytes) are two parameters each: address and
  length. Bytes are exact, NUL bytes too.
- The result is 0 or more, or minus the code of an error. Then `error` puts the message into the host's hand.
- A function that gives data gives its length, and keeps the data in its hand: `take` copies it to memory of the guest.
  The next function that gives data replaces what is in the hand.
- State has two tiers. The local one belongs to the machine, the global one to the cluster. Keys belong to the user
  whose function it is.
"""

_ERRORS = """## Errors

| code | name | raised by `pywasm_host` as |
|---|---|---|
"""

_FUNCTIONS = """## Functions

| function | parameters | i32 parameters | gives | meaning |
|---|---|---|---|---|
"""

_GIVES = {Result.NOTHING: "-", Result.NUMBER: "a number", Result.DATA: "data"}


def page() -> str:
    """Give the page, in Markdown."""
    errors = "".join(f"| {code.value} | {code.name} | `{type(error_for(code, '')).__name__}` |\n" for code in ErrorCode)
    functions = "".join(map(_row, HOST_FUNCTIONS))
    return "\n".join([_HEAD, _ERRORS + errors, _FUNCTIONS + functions])


def _row(function: HostFunction) -> str:
    parameters = ", ".join(f"`{one.name}`: {one.kind.value}" for one in function.parameters) or "-"
    gives = _GIVES[function.result]
    return f"| `{function.name}` | {parameters} | {function.wasm_parameters} | {gives} | {_cell(function.meaning)} |\n"


def _cell(text: str) -> str:
    """Make a text fit into a table, where a bar would end the cell."""
    return text.replace("|", r"\|")


if __name__ == "__main__":
    print(page(), end="")
