"""Run a guest as a command of the shell: exit statuses, messages on stderr, signals, clean-up."""

import os
import sys
from collections.abc import Callable

from pywasm_runtime.embedding import Embedding, Program
from pywasm_runtime.engine import EngineSettings, new_engine
from pywasm_runtime.errors import EmbedderError, GuestTrap
from pywasm_runtime.guest_thread import Terminated, raise_on_termination, run_on_guest_stack
from pywasm_runtime.module_cache import ModuleCache
from pywasm_runtime.precompile import modules_folder
from pywasm_runtime.process import GuestProcess, ProcessSettings

_SIGNAL_BASE = 128
"""A shell's status for a command that a signal ended is this plus the signal's number."""
_SIGINT = 2


def report(name: str, message: str) -> None:
    """Write one line to stderr; where nobody reads it any more, that is no error."""
    try:
        sys.stderr.write(f"{name}: {message}\n")
        sys.stderr.flush()
    except OSError:
        pass


def run_program(name: str, program: Program, settings: ProcessSettings) -> int:
    """Run a guest and give the status to end with; a trap is reported, with the guest's Python traceback."""
    engine_settings = EngineSettings()

    def body() -> int:
        cache = ModuleCache(new_engine(engine_settings), modules_folder(), lambda line: report(name, line))
        process = GuestProcess(Embedding(program, cache), settings)
        try:
            return process.run()
        except GuestTrap as trap:
            report(name, f"the guest trapped: {trap.reason}")
            process.dump_traceback()
            return trap.exit_status

    return run_on_guest_stack(engine_settings, body)


def as_command(name: str, body: Callable[[], int]) -> int:
    """Call `body`; turn what can go wrong into a line on stderr and an exit status."""
    try:
        raise_on_termination()
        return body() & 0xFF
    except EmbedderError as error:
        report(name, str(error))
        return error.exit_status
    except OSError as error:
        # This machine is at fault: a full disk, a file that went away, no memory for a thread.
        report(name, f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return EmbedderError.exit_status
    except KeyboardInterrupt:
        return _SIGNAL_BASE + _SIGINT
    except Terminated as ending:
        return _SIGNAL_BASE + ending.number


def leave(status: int) -> None:
    """End this process at once: tearing the engine down would only cost time."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue
    os._exit(status)
