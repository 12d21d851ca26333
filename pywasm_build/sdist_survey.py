"""Read from an sdist, without building it, what it requires, how it is built, and what stands in the way.

Formats: "Core metadata specifications" and "pyproject.toml specification" of the Python packaging specifications.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from email.message import Message
from email.parser import BytesParser
from functools import cache
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pywasm_build import archive, build_system, included_headers, obstacles
from pywasm_build.build_system import read_build_system, text_of
from pywasm_build.errors import StoreError
from pywasm_build.included_headers import foreign_headers
from pywasm_build.obstacles import BUILD_FILES, obstacle
from pywasm_build.progress import Status
from pywasm_build.store import JSON, Stage, Store, read_stamp, remove_product, source_hash

_MAX_SHOWN = 200
# Since this version of the metadata an sdist says which of its fields a build may change.
_RELIABLE = Version("2.2")
_SYSTEMS = {
    "mesonpy": "meson-python",
    "scikit_build_core": "scikit-build-core",
    "flit_core": "flit-core",
    "hatchling": "hatchling",
    "poetry": "poetry-core",
    "maturin": "maturin",
    "setuptools": "setuptools",
}


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What an sdist says of itself.

    requires: its requirements with their markers, as text.
    certain: whether its build can give no others.
    build_system: by the name that its users know.
    build_requires: its build requirements.
    headers: what its sources include and do not bring.
    obstacle: what it needs that cannot be had, in one line; "" if nothing is known.
    """

    requires: tuple[str, ...]
    certain: bool
    build_system: str
    build_requires: tuple[str, ...]
    headers: tuple[str, ...]
    obstacle: str


def survey(store: Store, fetch: Callable[[], Path], sha256: str) -> Survey:
    """Return what the sdist with that hash says; it is fetched and unpacked only the first time.

    Raises ArchiveError for one that is damaged or unsafe, BuildError for one whose pyproject.toml makes no sense.
    """
    stage = Stage("survey", {"sha256": sha256, "code": _code()})

    def make(root: Path) -> Mapping[str, JSON]:
        sdist = fetch()
        with Status(f"read {sdist.name}"):
            archive.unpack(sdist, root / "tree", strip=1)
            made = survey_tree(root / "tree")
            remove_product(root / "tree")
        return {"survey": asdict(made)}

    product = store.build(stage, make)
    try:
        entry = (read_stamp(product) or {})["survey"]
        lists = {key: tuple(entry[key]) for key in ("requires", "build_requires", "headers")}
        return Survey(**{**entry, **lists})
    except (KeyError, TypeError) as error:
        raise StoreError(f"{product} is damaged ({error!r}); delete it") from error


@cache
def _code() -> str:
    # Once for all packages of a plan.
    return source_hash(sys.modules[__name__], obstacles, archive, build_system, included_headers)


def survey_tree(tree: Path) -> Survey:
    """Return what an unpacked sdist says of itself."""
    files = [path.relative_to(tree).as_posix() for path in _files(tree)]
    backend, build_requires = read_build_system(tree)
    requires, certain = _requirements(tree)
    texts = {name: text for name in BUILD_FILES if (text := text_of(tree / name))}
    return Survey(
        requires=requires,
        certain=certain,
        build_system=_printable(_build_system(backend, build_requires)),
        build_requires=tuple(build_requires),
        headers=tuple(foreign_headers(tree)),
        obstacle=_printable(obstacle(files, texts, backend, build_requires, requires)),
    )


def _build_system(backend: str, requires: Sequence[str]) -> str:
    module = backend.partition(":")[0].partition(".")[0]
    names = {canonicalize_name(Requirement(text).name) for text in requires}
    # A backend in the sdist itself stands before one of these.
    behind = next((system for system in _SYSTEMS.values() if system in names), module)
    return _SYSTEMS.get(module, behind) + (", Cython" if "cython" in names else "")


def _requirements(tree: Path) -> tuple[tuple[str, ...], bool]:
    """Return what an sdist requires, and whether its build could change that."""
    metadata = BytesParser().parsebytes(text_of(tree / "PKG-INFO").encode(), headersonly=True)
    listed = tuple(_parsed(str(text) for text in metadata.get_all("Requires-Dist", [])))
    if _is_reliable(metadata):
        return listed, True
    project = _table(tomllib.loads(text_of(tree / "pyproject.toml")), "project")
    if "name" in project and "dependencies" not in _list(project, "dynamic"):
        return tuple(_static_requirements(project)), "optional-dependencies" not in _list(project, "dynamic")
    return listed, False


def _is_reliable(metadata: Message) -> bool:
    dynamic = {str(field).strip().lower() for field in metadata.get_all("Dynamic", [])}
    try:
        return Version(str(metadata.get("Metadata-Version", "0"))) >= _RELIABLE and "requires-dist" not in dynamic
    except InvalidVersion:
        return False


def _static_requirements(project: Mapping[str, Any]) -> Iterator[str]:
    yield from _parsed(_list(project, "dependencies"))
    optional = _table(project, "optional-dependencies")
    for extra in optional:
        for text in _parsed(_list(optional, extra)):
            requirement = Requirement(text)
            condition = f'extra == "{canonicalize_name(extra)}"'
            requirement.marker = Marker(f"({requirement.marker}) and {condition}" if requirement.marker else condition)
            yield str(requirement)


def _parsed(texts: Iterator[str] | Sequence[str]) -> Iterator[str]:
    """Yield what are requirements; what is none would stop the build, with a better message."""
    for text in texts:
        try:
            yield str(Requirement(text))
        except InvalidRequirement:
            continue


def _table(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _list(data: Mapping[str, Any], key: str) -> list[str]:
    value = data.get(key)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _printable(text: str) -> str:
    """Return what may be shown: names of files and backends can hold anything."""
    return "".join(letter for letter in text[:_MAX_SHOWN] if letter.isprintable())


def _files(tree: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(tree):
        yield from (Path(folder, name) for name in sorted(names))
