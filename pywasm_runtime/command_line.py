"""Understand the command line of `python-wasm`: our own options first, then Python's."""

from collections.abc import Sequence
from dataclasses import dataclass

from pywasm_runtime.errors import UsageError
from pywasm_runtime.mounts import Mount, parse_mount

HELP = """\
usage: python-wasm [--env NAME[=VALUE]] [--dir HOST[:GUEST][:ro]] [python's options] ...

Run Python in a WebAssembly sandbox. It sees the runtime root, a private /tmp, the folder of the script
(read-only) and what these options show it; nothing else of this machine.

  --env NAME[=VALUE]       set an environment variable; without a value, hand ours on
  --dir HOST[:GUEST][:ro]  show the folder HOST, as GUEST (default: the same path); ro: read-only
  --help                   show this text; python-wasm -h shows Python's

All other options are Python's own: -c CMD, -m MOD, a script with arguments, - for stdin, -I, -u, -X ...

Exit statuses are Python's; 134 after a trap, 130 after Ctrl-C, which ends Python at its prompt too: WASI has
no signals that it could handle.

environment: PYWASM_RUNTIME (another runtime root), PYWASM_CACHE (folder for compiled modules)
"""

_WITH_VALUE = ("--env", "--dir")
_PYTHON_LONG_WITH_VALUE = ("--check-hash-based-pycs",)


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """Hold what was asked for; `script` is the index of a script's path in `python_arguments`."""

    help: bool
    environment: tuple[tuple[str, str | None], ...]
    mounts: tuple[Mount, ...]
    python_arguments: tuple[str, ...]
    script: int | None


def parse_command_line(arguments: Sequence[str]) -> CommandLine:
    """Split the arguments after the program's name; raises UsageError or MountError."""
    environment: list[tuple[str, str | None]] = []
    mounts: list[Mount] = []
    rest = list(arguments)
    show_help = False
    while rest and (taken := _own_option(rest)):
        name, value = taken
        if name == "--help":
            show_help = True
        elif name == "--env":
            environment.append(_variable(value))
        else:
            mounts.append(parse_mount(value))
    return CommandLine(
        help=show_help,
        environment=tuple(environment),
        mounts=tuple(mounts),
        python_arguments=tuple(rest),
        script=find_script(rest),
    )


def _own_option(rest: list[str]) -> tuple[str, str] | None:
    """Take one of our options, with its value, off the front; None if Python's part begins."""
    name, equals, value = rest[0].partition("=")
    if rest[0] == "--help":
        return rest.pop(0), ""
    if name not in _WITH_VALUE:
        return None
    rest.pop(0)
    if not equals:
        if not rest:
            raise UsageError(f"argument expected for the {name} option; see python-wasm --help")
        value = rest.pop(0)
    return name, value


def _variable(text: str) -> tuple[str, str | None]:
    name, equals, value = text.partition("=")
    if not name:
        raise UsageError(f"--env {text!r}: no name; write NAME or NAME=VALUE")
    return name, value if equals else None


def find_script(arguments: Sequence[str]) -> int | None:
    """Give the index of the script among Python's arguments; None for -c, -m, stdin and the prompt."""
    index = 0
    while index < len(arguments):
        argument = arguments[index]
        if argument == "-":
            return None
        if argument == "--":
            return index + 1 if index + 1 < len(arguments) else None
        if not argument.startswith("-"):
            return index
        if argument in _PYTHON_LONG_WITH_VALUE:
            index += 1
        elif not argument.startswith("--"):
            letters = argument[1:]
            first = next((n for n, letter in enumerate(letters) if letter in "cmWX"), None)
            if first is not None:
                if letters[first] in "cm":
                    return None  # everything after the command or module is the program's
                if first == len(letters) - 1:
                    index += 1  # -W and -X take the next argument if nothing follows the letter
        index += 1
    return None
