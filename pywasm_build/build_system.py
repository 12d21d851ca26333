"""Read from a source tree how it is built."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from pywasm_build.errors import BuildError

_MAX_TEXT = 1024**2


def read_build_system(tree: Path) -> tuple[str, list[str]]:
    """Return the build backend and the build requirements of a source tree (PEP 517, PEP 518)."""
    path = tree / "pyproject.toml"
    try:
        data = tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise BuildError(f"{path} cannot be read: {error}") from error
    system = data.get("build-system", {})
    if not isinstance(system, dict):
        raise BuildError(f"{path} cannot be used: build-system is no table")
    requires = system.get("requires", ["setuptools"])
    if not isinstance(requires, list):
        raise BuildError(f"{path} cannot be used: the requires of its build-system is no list")
    backend = str(system.get("build-backend", "setuptools.build_meta"))
    return backend, _checked(requires, f"{path} cannot be used: its build-system")


def read_answer(path: Path, backend: str) -> list[str]:
    """Return the build requirements that a backend wrote into a file (backend_requirements)."""
    try:
        requires = json.loads(text_of(path))
    except (ValueError, RecursionError) as error:
        raise BuildError(f"the build backend {backend} gave no list of requirements: {error}") from error
    if not isinstance(requires, list):
        raise BuildError(f"the build backend {backend} gave no list of requirements")
    return _checked(requires, f"the build backend {backend}")


def _checked(requires: Sequence[object], what: str) -> list[str]:
    try:
        wanted = [Requirement(text) for text in requires]  # type: ignore[arg-type]
    except (InvalidRequirement, TypeError) as error:
        raise BuildError(f"{what} requires what is no requirement: {error}") from error
    for requirement in wanted:
        # What is required to build runs on this machine, so a package does not say where it comes from.
        if requirement.url:
            raise BuildError(f"{what} requires {requirement.name} from {requirement.url}, which is no index's")
    return [str(requirement) for requirement in wanted]


def text_of(path: Path) -> str:
    """Return the beginning of a file of an sdist as text, "" if it is none; links are not followed."""
    if path.is_symlink() or not path.is_file():
        return ""
    with path.open("rb") as file:
        return file.read(_MAX_TEXT).decode("utf-8", "replace")
