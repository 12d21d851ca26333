"""Tell after an installation which packages are there and yet of no use: a compiled module cannot be imported.

A recipe has a test for that. A package without one may link and still want threads, sockets or processes when it is
imported, or crash.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pywasm_build import import_check
from pywasm_build.context import Context
from pywasm_build.errors import CommandFailed
from pywasm_build.import_check import ImportResult, check_imports, compiled_modules
from pywasm_build.outcomes import Outcome
from pywasm_build.progress import Status
from pywasm_build.store import Stage, read_stamp, source_hash

_LOG = "imports"


def import_notes(context: Context, root: Path, outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Return for each package without recipe that cannot be imported in the runtime root `root` why, in one line.

    What was imported in this root before is not imported again.
    """
    stages = {outcome.job.release.name: _stage(root, outcome) for outcome in outcomes if outcome.job.recipe is None}
    new = {
        outcome.job.release.name: compiled_modules(outcome.wheel.path)
        for outcome in outcomes
        if (stage := stages.get(outcome.job.release.name)) and context.store.find(stage) is None
    }
    try:
        results = _try_all(context, root, new)
    except CommandFailed as error:
        return dict.fromkeys(new, f"importing it could not be tried: {str(error).splitlines()[0]}")
    notes = {}
    for name, stage in stages.items():
        made = [results[module] for module in new.get(name, ())]
        product = context.store.build(stage, lambda _, made=made: {"note": _note(context, made)})  # type: ignore[misc]
        if note := (read_stamp(product) or {}).get("note"):
            notes[name] = str(note)
    return notes


def _stage(root: Path, outcome: Outcome) -> Stage:
    code = source_hash(sys.modules[__name__], import_check)
    return Stage("imports", {"root": root.name, "wheel": outcome.wheel.sha256, "code": code})


def _try_all(context: Context, root: Path, modules: Mapping[str, Sequence[str]]) -> dict[str, ImportResult]:
    names = [module for some in modules.values() for module in some]
    if not names:
        return {}
    with Status(f"import {', '.join(name for name, some in modules.items() if some)}"):
        return {
            result.module: result for result in check_imports(context, root, names, log=context.workspace.log(_LOG))
        }


def _note(context: Context, results: Sequence[ImportResult]) -> str:
    """Return the first failure, and how many there are."""
    failed = [result for result in results if not result.ok]
    if not failed:
        return ""
    more = f" ({len(failed)} of {len(results)} modules fail)" if len(results) > 1 else ""
    log = context.display(context.workspace.log(_LOG))
    return f"importing {failed[0].module} fails: {failed[0].line}{more} (what it printed is in {log})"
