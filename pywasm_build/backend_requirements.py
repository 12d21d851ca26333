"""Ask a build backend what a source tree requires to be built besides what its pyproject.toml says (PEP 517).

setuptools gives setup_requires, hatchling what its hooks want. This file is a program, which needs the standard library
alone: `python backend_requirements.py TREE ANSWER` writes a JSON list of requirements into the file ANSWER.
"""

from __future__ import annotations

import functools
import importlib
import json
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

# What pip takes where pyproject.toml names none: setup.py can then import what lies beside it.
_DEFAULT = "setuptools.build_meta:__legacy__"


def question(python: Path, tree: Path, answer: Path) -> list[str | Path]:
    """Return the command that asks the backend of `tree` in that Python; it must run in the tree."""
    # Modules that lie beside this file are no part of the tree.
    return [python, "-P", Path(__file__).resolve(), tree, answer]


def main(arguments: Sequence[str]) -> None:
    """Write the answer of the backend, [] where it has nothing to ask."""
    tree, answer = map(Path, arguments)
    pyproject = tree / "pyproject.toml"
    system = tomllib.loads(pyproject.read_text("utf-8")).get("build-system", {}) if pyproject.is_file() else {}
    sys.path[:0] = [str(tree / folder) for folder in system.get("backend-path", [])]
    module, _, attributes = system.get("build-backend", _DEFAULT).partition(":")
    backend = functools.reduce(getattr, attributes.split(".") if attributes else [], importlib.import_module(module))
    ask = getattr(backend, "get_requires_for_build_wheel", list)
    answer.write_text(json.dumps(ask()), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
