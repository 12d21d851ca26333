"""Try the packages of third-party/unaided.toml without recipes, and keep what came of them.

docs/data/unaided.json      the results, of which `inv libs.survey --name X` renews those of X
docs/unaided.md             the same for readers
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pywasm_build.context import Context
from pywasm_build.errors import DownloadError, StoreError
from pywasm_build.installed import package_builder
from pywasm_build.lock import locked
from pywasm_build.plan_run import one_line
from pywasm_build.store import canonical, write_whole
from pywasm_build.unaided_list import Unaided, UnaidedList, read_unaided_list
from pywasm_build.unaided_page import unaided_page
from pywasm_build.unaided_trial import Trial, UnaidedTrials
from pywasm_build.workspace import Workspace

DATA = Path("docs") / "data" / "unaided.json"
PAGE = Path("docs") / "unaided.md"


@dataclass(frozen=True, kw_only=True)
class SurveyRun:
    """What a run of the survey did: results in the order of the list, and why some packages were not tried."""

    trials: tuple[Trial, ...]
    untried: Mapping[str, str]


def survey_unaided(context: Context, names: Sequence[str], *, seconds: float, again: bool = False) -> SurveyRun:
    """Try the packages of these names, all without any; results are written as they come.

    seconds: how long one command of a build may take. again: try also what was tried with the same inputs.
    """
    listed = read_unaided_list(context.workspace)
    packages = listed.choose(names)
    trials = UnaidedTrials(builder=package_builder(context), seconds=seconds)
    return run_survey(context, listed, packages, lambda package: trials.run(package, again=again))


def run_survey(
    context: Context, listed: UnaidedList, packages: Sequence[Unaided], run: Callable[[Unaided], Trial]
) -> SurveyRun:
    """Try packages one after the other; what says nothing about a package, such as a lost network, is told."""
    done, untried = [], {}
    for number, package in enumerate(packages, 1):
        context.say(f"{number} of {len(packages)}: {package.name} {package.version}")
        try:
            trial = run(package)
        except DownloadError as error:
            untried[package.name] = one_line(error)
            continue
        done.append(trial)
        context.say(f"{package.name}: {trial.result.value}{f': {trial.reason}' if trial.reason else ''}")
        _keep(context.workspace, listed, trial)
    return SurveyRun(trials=tuple(done), untried=untried)


def rows(run: SurveyRun) -> list[tuple[str, str, str, str, str]]:
    """Return the cells of a table: package, version, result, modules, reason."""
    lines = [
        (one.name, one.version, one.result.value, f"{one.imported}/{len(one.modules)}", one.reason)
        for one in run.trials
    ]
    return [*lines, *((name, "-", "not tried", "-", reason) for name, reason in run.untried.items())]


def exit_code(run: SurveyRun) -> int:
    """Return 6, that of a download, if a package could not be tried; failures are results like others."""
    return DownloadError.exit_code if run.untried else 0


def read_trials(workspace: Workspace, listed: UnaidedList) -> list[Trial]:
    """Return the results that are kept for the packages of the list, in its order; raises StoreError."""
    path = workspace.root / DATA
    try:
        entries = json.loads(path.read_text("utf-8"))
        found = {(trial.name, trial.version): trial for trial in map(Trial.from_data, entries)}
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} is damaged ({error!r}); restore it from git") from error
    wanted = ((package.name, package.version) for package in listed.packages)
    return [found[key] for key in wanted if key in found]


def _keep(workspace: Workspace, listed: UnaidedList, trial: Trial) -> None:
    """Replace the result of one package; another survey may be under way for others."""
    with locked(workspace.build / "unaided.lock", what="the results of packages without a recipe"):
        kept = {one.name: one for one in read_trials(workspace, listed)} | {trial.name: trial}
        trials = [kept[package.name] for package in listed.packages if package.name in kept]
        text = canonical([one.as_data() for one in trials], indent=1)
        write_whole(workspace.root / DATA, f"{text}\n")
        write_whole(workspace.root / PAGE, unaided_page(listed, trials))
