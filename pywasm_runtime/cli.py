"""Be `python-wasm`: run the runtime root's Python as a guest, with the command line of `python`."""

import os
import posixpath
import sys
from collections.abc import Sequence
from pathlib import Path

from pywasm_runtime.command import as_command, leave, run_program
from pywasm_runtime.command_line import HELP, CommandLine, parse_command_line
from pywasm_runtime.errors import UsageError
from pywasm_runtime.mounts import Mount, MountTable, is_within
from pywasm_runtime.process import ProcessSettings
from pywasm_runtime.runtime_root import RuntimeRoot, find_runtime_root
from pywasm_runtime.scratch import private_tmp

NAME = "python-wasm"
CWD_VARIABLE = "PYWASM_CWD"
"""python.wasm changes to this folder before main, and removes the variable."""

_SCRIPT_FOLDER = "/script"
"""Where the guest sees a script's folder whose own path is taken, as /tmp is by the guest's private one."""


def main() -> None:
    """Run the process's command line and end the process."""
    leave(as_command(NAME, lambda: run(sys.argv[1:])))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and give the exit status."""
    line = parse_command_line(arguments)
    if line.help:
        sys.stdout.write(HELP)
        return 0
    root = find_runtime_root(Path(__file__).resolve().parent.parent)
    with private_tmp() as tmp:
        return run_program(NAME, root.program, process_settings(line, root, tmp))


def process_settings(line: CommandLine, root: RuntimeRoot, tmp: Mount) -> ProcessSettings:
    """Work out what the guest sees; raises UsageError for a script that does not exist."""
    shown = list(MountTable(line.mounts).mounts)
    ours = [Mount(host=root.folder, guest="/"), tmp]
    named = {mount.guest for mount in shown}
    mounts = [
        *(mount for mount in ours if mount.guest not in named),
        *shown,
    ]  # a --dir takes our mount's place
    arguments = list(line.python_arguments)
    if line.script is not None:
        arguments[line.script] = _show_script(arguments[line.script], mounts, shown)
    environment = _environment(line)
    if cwd := guest_path(Path.cwd(), shown):
        environment[CWD_VARIABLE] = cwd
    return ProcessSettings(
        arguments=[root.program.guest_name, *arguments],
        environment=environment,
        mounts=MountTable(mounts).mounts,
        library_path=_library_path(environment),
    )


def guest_path(host: Path, mounts: Sequence[Mount]) -> str | None:
    """Translate a path of this machine to the guest's, through the innermost mount; None if not shown."""
    resolved = os.path.realpath(host)
    roots = [(os.path.realpath(mount.host), mount) for mount in mounts]
    fitting = [(root, mount) for root, mount in roots if is_within(resolved, root)]
    if not fitting:
        return None
    root, mount = max(fitting, key=lambda one: len(one[0]))
    return posixpath.normpath(posixpath.join(mount.guest, os.path.relpath(resolved, root)))


def _show_script(script: str, mounts: list[Mount], shown: list[Mount]) -> str:
    """Give the guest's path of a script, after mounting its folder if the guest does not see it yet."""
    host = Path(os.path.normpath(Path.cwd() / script))
    if not host.exists():
        if _exists_in_guest(script, mounts):
            return script
        raise UsageError(f"can't open file {str(host)!r}: [Errno 2] No such file or directory")
    if host.is_symlink():
        host = host.resolve()  # the guest could not follow a link out of the folder
    if guest_path(host, shown) is None:
        folder = host if host.is_dir() else host.parent
        taken = str(folder) in {mount.guest for mount in mounts}
        mount = Mount(host=folder, guest=_SCRIPT_FOLDER if taken else str(folder))
        mounts.append(mount)
        shown.append(mount)
    inner = guest_path(host, shown) or str(host)
    return script if _means_the_same(script, inner, shown) else inner


def _means_the_same(script: str, inner: str, shown: Sequence[Mount]) -> bool:
    """Tell whether the path as typed leads the guest to `inner`: sys.argv[0] and tracebacks show it."""
    cwd = guest_path(Path.cwd(), shown)
    if cwd is None or script.startswith("/") or ".." in script.split("/"):
        return False
    return posixpath.normpath(posixpath.join(cwd, script)) == inner


def _exists_in_guest(path: str, mounts: Sequence[Mount]) -> bool:
    if not path.startswith("/"):
        return False
    fitting = [mount for mount in mounts if is_within(posixpath.normpath(path), mount.guest)]
    mount = max(fitting, key=lambda one: len(one.guest))
    return (mount.host / posixpath.relpath(path, mount.guest)).exists()


def _environment(line: CommandLine) -> dict[str, str]:
    environment = {"HOME": "/tmp", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    if sys.stdin is not None and sys.stdin.isatty():
        # Python's newer prompt needs termios, which WASI has not: it would say so and take the basic one.
        environment["PYTHON_BASIC_REPL"] = "1"
        if "TERM" in os.environ:
            environment["TERM"] = os.environ["TERM"]
    for name, value in line.environment:
        if value is None:
            value = os.environ.get(name)
        if value is not None:
            environment[name] = value
    return environment


def _library_path(environment: dict[str, str]) -> list[str]:
    return [folder for folder in environment.get("LD_LIBRARY_PATH", "").split(":") if folder.startswith("/")]
