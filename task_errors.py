"""Make tasks whose users see messages, not tracebacks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from invoke.exceptions import Exit
from invoke.tasks import task

INTERRUPTED = 130


def pywasm_task(function: Callable[..., None], iterable: Sequence[str] = ()) -> Any:
    """Make a task whose user sees messages, not tracebacks: of our errors, of a full disk, of Ctrl-C.

    iterable: the options that may be given several times.
    """

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        from pywasm_build.errors import PywasmError
        from pywasm_runtime.errors import EmbedderError

        try:
            function(*args, **kwargs)
        except PywasmError as error:
            raise Exit(f"error: {error}", error.exit_code) from error
        except EmbedderError as error:
            from pywasm_runtime.functions.results import error_text

            raise Exit(error_text(error), error.exit_status) from error
        except KeyboardInterrupt:
            raise Exit("\ninterrupted; the next run goes on from here", INTERRUPTED) from None
        except OSError as error:
            if error.filename is None and error.errno is None:
                raise
            where = f"{error.filename}: " if error.filename else ""
            raise Exit(f"error: {where}{error.strerror}", 1) from error

    return task(run, iterable=iterable)


def pywasm_iterable_task(*options: str) -> Callable[[Callable[..., None]], Any]:
    """Make a task of which some options may be given several times."""
    return functools.partial(pywasm_task, iterable=options)
