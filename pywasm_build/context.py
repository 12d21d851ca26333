"""Hold what every stage of a build needs: where things lie, how to run commands, where products go."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pywasm_build.command import Runner, SubprocessRunner
from pywasm_build.errors import UsageError
from pywasm_build.progress import say
from pywasm_build.sources import Sources
from pywasm_build.store import Store
from pywasm_build.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Context:
    """The checkout, the store, the command runner and the user's settings; `jobs` commands run at once."""

    workspace: Workspace
    store: Store
    runner: Runner
    environ: Mapping[str, str]
    jobs: int

    @classmethod
    def discover(cls, environ: Mapping[str, str]) -> Context:
        """Return the context of this checkout for this user."""
        workspace = Workspace.discover(environ)
        return cls(
            workspace=workspace,
            store=Store(workspace.store),
            runner=SubprocessRunner(environ),
            environ=environ,
            jobs=jobs_setting(environ),
        )

    @cached_property
    def sources(self) -> Sources:
        """The pinned downloads."""
        return Sources(self.workspace, self.runner, self.environ)

    @cached_property
    def toolchain_settings(self) -> Mapping[str, Any]:
        """The content of third-party/toolchain.toml."""
        return tomllib.loads((self.workspace.root / "third-party" / "toolchain.toml").read_text("utf-8"))

    @cached_property
    def build_triple(self) -> str:
        """The triple of the build machine, as `configure --build=` takes it."""
        machine = os.uname().machine
        return f"{machine}-apple-darwin" if sys.platform == "darwin" else f"{machine}-pc-linux-gnu"

    def say(self, text: str) -> None:
        """Tell the user something that is neither a result nor an error."""
        say(text)

    def display(self, path: Path) -> str:
        """Return a path as the user may type it: relative to the checkout if it lies there."""
        return str(path.relative_to(self.workspace.root) if path.is_relative_to(self.workspace.root) else path)


def jobs_setting(environ: Mapping[str, str]) -> int:
    """Return how many commands may run at once: PYWASM_JOBS, else the processors that this process may use."""
    text = environ.get("PYWASM_JOBS")
    if not text:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"PYWASM_JOBS must be a number of 1 or more, not {text!r}")
    return int(text)
