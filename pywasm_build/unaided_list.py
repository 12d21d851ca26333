"""Read third-party/unaided.toml: the packages that are tried without a recipe, and those that are left out.

[list]
origin = "where the names come from, and how they were chosen"
date = 2026-11-21

[[package]]                     # in the order of the list
name = "numpy"
version = "2.5.5"
sha256 = "<of the sdist>"
with = ["other"]                # what its modules import, and its metadata do not require

[[package.excused]]             # a module that need not be importable: tkinter is what the guest lacks by design
module = "numpy.part"
lacks = "tkinter"               # the module of the standard library without which its import ends
reason = "what the module is for"

[[left-out]]
name = "uvloop"
reason = "why it is not tried"
"""

from __future__ import annotations

import datetime
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pywasm_build.errors import RecipeError, UsageError, did_you_mean
from pywasm_build.recipes import is_sha256
from pywasm_build.toml_values import check_keys, read_data_file, table_of, tables_of, text_of, texts_of
from pywasm_build.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Excuse:
    """A compiled module whose import may fail, for one reason alone: it wants a module of the standard library.

    lacks: that module, which the guest has not by design. reason: what the compiled module is for.
    """

    module: str
    lacks: str
    reason: str

    def covers(self, line: str) -> bool:
        """Tell whether an import that failed with this line failed for want of that module, or of its C part."""
        return re.search(rf"ModuleNotFoundError: No module named '_?{re.escape(self.lacks)}'", line) is not None


@dataclass(frozen=True, kw_only=True)
class Unaided:
    """A package of the list: exactly one sdist. `name` is canonical.

    besides: packages that its modules import though its metadata do not require them.
    excused: the modules that need not be importable.
    """

    name: str
    version: str
    sha256: str
    besides: tuple[str, ...] = ()
    excused: tuple[Excuse, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A package that is not tried, and why."""

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class UnaidedList:
    """The list; `origin` says where its names come from, as of `date`."""

    origin: str
    date: datetime.date
    packages: tuple[Unaided, ...]
    left_out: tuple[LeftOut, ...]

    def choose(self, names: Sequence[str]) -> list[Unaided]:
        """Return the packages of these names, all without any; raises UsageError for one that is not listed."""
        by_name = {package.name: package for package in self.packages}
        for name in map(canonicalize_name, names):
            if name not in by_name:
                raise UsageError(f"--name {name} is not in the list{did_you_mean(name, by_name)}; {PLACE} has it")
        return [by_name[canonicalize_name(name)] for name in names] or list(self.packages)


PLACE = Path("third-party") / "unaided.toml"


def read_unaided_list(workspace: Workspace) -> UnaidedList:
    """Read the list of a checkout; raises RecipeError that names the file."""
    return read_data_file(workspace.root / PLACE, _list)


def _list(data: Mapping[str, Any]) -> UnaidedList:
    check_keys(data, ("list", "package", "left-out"), "the top level")
    head = table_of(data, "list")
    check_keys(head, ("origin", "date"), "[list]")
    date = head.get("date")
    if not isinstance(date, datetime.date):
        raise RecipeError("[list] needs date = YYYY-MM-DD")
    made = UnaidedList(
        origin=text_of(head, "origin", "list"),
        date=date,
        packages=tuple(_package(entry) for entry in tables_of(data, "package")),
        left_out=tuple(_left_out(entry) for entry in tables_of(data, "left-out")),
    )
    names = [package.name for package in made.packages] + [entry.name for entry in made.left_out]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise RecipeError(f"{', '.join(twice)} is there twice")
    return made


def _package(entry: Mapping[str, Any]) -> Unaided:
    check_keys(entry, ("name", "version", "sha256", "with", "excused"), "[[package]]")
    version, sha256 = text_of(entry, "version", "package"), text_of(entry, "sha256", "package")
    try:
        Version(version)
    except InvalidVersion:
        raise RecipeError(f"version = {version!r} is not a version") from None
    if not is_sha256(sha256):
        raise RecipeError(f"sha256 = {sha256!r} must be 64 lower-case hexadecimal digits")
    return Unaided(
        name=canonicalize_name(text_of(entry, "name", "package")),
        version=version,
        sha256=sha256,
        besides=tuple(map(_requirement, texts_of(entry, "with"))),
        excused=tuple(map(_excuse, tables_of(entry, "excused"))),
    )


def _requirement(text: str) -> str:
    try:
        return str(Requirement(text))
    except InvalidRequirement:
        raise RecipeError(f"with = {text!r} is no requirement") from None


def _excuse(entry: Mapping[str, Any]) -> Excuse:
    keys = ("module", "lacks", "reason")
    check_keys(entry, keys, "[[package.excused]]")
    made = Excuse(**{key: text_of(entry, key, "package.excused") for key in keys})
    if made.lacks not in sys.stdlib_module_names:
        raise RecipeError(
            f"lacks = {made.lacks!r} is no module of the standard library; nothing else is lacking by design"
        )
    return made


def _left_out(entry: Mapping[str, Any]) -> LeftOut:
    check_keys(entry, ("name", "reason"), "[[left-out]]")
    name, reason = (text_of(entry, key, "left-out") for key in ("name", "reason"))
    return LeftOut(name=canonicalize_name(name), reason=reason)
