"""Write docs/unaided.md: which packages build and import without a recipe, and why the others do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from pywasm_build.markdown import markdown_table
from pywasm_build.unaided_list import PLACE, UnaidedList
from pywasm_build.unaided_trial import Result, Trial

_COMMAND = "bin/inv libs.survey"
_MEANING = {
    Result.IMPORTS: "the wheel is built, and each of its extension modules can be imported in the sandbox; where it has"
    " none, but shared libraries, ctypes can load each",
    Result.EXCUSED: "so it is, but for modules for the part of the standard library that the guest lacks by design",
    Result.REFUSED: "its sources show that it needs what is not to be had; nothing is built",
    Result.BUILD: "the build ends with an error",
    Result.PLATFORM: "its build script ends, because it does not know WASI",
    Result.SLOW: "a command of the build takes longer than the limit",
    Result.LINK: "the wheel is built, but refused: it imports what nobody provides, or is not for the guest",
    Result.PURE: "the build makes a wheel without extension modules and shared libraries",
    Result.IMPORT: "the wheel is built, but an extension module cannot be imported",
}


def unaided_page(listed: UnaidedList, trials: Sequence[Trial]) -> str:
    """Return the page; it changes only if the list or results do."""
    counts = Counter(trial.result for trial in trials)
    parts = [
        "# Packages without a recipe",
        f"`{_COMMAND}` made this page and [data/unaided.json](data/unaided.json). It builds each package of"
        f" `{PLACE}` from its sdist as if the registry had no recipe of it, and imports its extension modules in the"
        f" sandbox. What a package needs may have recipes. {listed.origin.rstrip('.')}; {listed.date.isoformat()}.",
        f"**{_count(counts, len(listed.packages))} without a recipe**; {_untried(listed, trials)}.",
        markdown_table(("result", "packages", "meaning"), [_count_row(one, counts[one]) for one in Result]),
        "## Packages",
        markdown_table(
            ("package", "version", "result", "modules imported", "build, s", "why"), [_row(trial) for trial in trials]
        ),
        *_besides(listed),
        "## Left out",
        markdown_table(("package", "why"), [(entry.name, entry.reason) for entry in listed.left_out]),
    ]
    return "\n\n".join(parts) + "\n"


def _count(counts: Mapping[Result, int], listed: int) -> str:
    whole, excused = counts[Result.IMPORTS], counts[Result.EXCUSED]
    but = f", {excused} of them but for modules that are excused below," if excused else ""
    return f"{whole + excused} of {listed} build and import{but}"


def _besides(listed: UnaidedList) -> list[str]:
    """Return the section on packages that are imported with what they do not require; nothing if there are none."""
    rows = [(package.name, ", ".join(package.besides)) for package in listed.packages if package.besides]
    if not rows:
        return []
    told = "Their modules import these packages, and their metadata do not require them:"
    return ["## Tried with other packages", told, markdown_table(("package", "with"), rows)]


def _untried(listed: UnaidedList, trials: Sequence[Trial]) -> str:
    lacking = len(listed.packages) - len(trials)
    return f"{lacking} have not been tried yet" if lacking else "all have been tried"


def _count_row(result: Result, count: int) -> tuple[str, ...]:
    return result.value, str(count), _MEANING[result]


def _row(trial: Trial) -> tuple[str, ...]:
    modules = f"{trial.imported} of {len(trial.modules)}" if trial.modules else "-"
    seconds = f"{trial.seconds:.0f}" if trial.modules else "-"
    return trial.name, trial.version, trial.result.value, modules, seconds, trial.reason
