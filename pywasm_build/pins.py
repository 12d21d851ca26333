"""Read third-party/sources.toml: every download with its version, its locations and their sha256.

    [defaults]                     # for a name with several versions: the one that is used
    cpython = "<version>"

    [[source]]
    name = "cpython"
    version = "<version>"
    file = "<name in the cache>"
      [[source.location]]
      kind = "upstream"            # with url (https)
      kind = "debian"              # with path, from the mirror's root: pool/...
      sha256 = "<64 digits>"

A key that has no meaning, a duplicate, and a default that names nothing are errors.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pywasm_build.errors import SourceError, did_you_mean
from pywasm_build.store import JSON

_SHA256 = re.compile(r"[0-9a-f]{64}")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]*")
# What each kind of location calls its place, and how that must look.
_PLACES = {
    "upstream": ("url", re.compile(r"https?://[^/\s]+/\S+")),
    "debian": ("path", re.compile(r"pool/(?!.*\.\.)\S+")),
}


@dataclass(frozen=True, kw_only=True)
class Location:
    """One place of a file: kind "upstream" with a URL, or "debian" with a path below a mirror."""

    kind: str
    place: str
    sha256: str

    @property
    def file(self) -> str:
        """The file's name at this location."""
        return self.place.rsplit("/", 1)[1]


@dataclass(frozen=True, kw_only=True)
class Source:
    """A pinned download; `file` is its name in the cache."""

    name: str
    version: str
    file: str
    locations: tuple[Location, ...]

    @property
    def inputs(self) -> JSON:
        """What a stage that uses this source depends on; the same whichever location gives the file."""
        return {
            "name": self.name,
            "version": self.version,
            "sha256": sorted({location.sha256 for location in self.locations}),
        }


@dataclass(frozen=True, kw_only=True)
class Pins:
    """All sources, and which version of a name is used."""

    path: Path
    sources: tuple[Source, ...]
    chosen: Mapping[str, str]

    def find(self, name: str, version: str | None = None) -> Source:
        """Return the source of that name; without a version the only or the chosen one."""
        of_name = [source for source in self.sources if source.name == name]
        if not of_name:
            hint = did_you_mean(name, {source.name for source in self.sources})
            raise SourceError(f"{self.path} has no source {name!r}{hint}")
        wanted = version or self.chosen.get(name) or of_name[0].version
        for source in of_name:
            if source.version == wanted:
                return source
        versions = ", ".join(source.version for source in of_name)
        raise SourceError(
            f"{self.path} has no {name} {wanted}; it has {versions}. To use another, add a [[source]] there"
        )

    def is_chosen(self, source: Source) -> bool:
        """Tell whether a source is the one that its name stands for."""
        return self.find(source.name) is source


def read_pins(path: Path, environ: Mapping[str, str]) -> Pins:
    """Read sources.toml; PYWASM_<NAME>_VERSION in `environ` overrides a default. Raises SourceError."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot read {path}: {error}") from error
    try:
        _check_keys(data, allowed=("defaults", "source"), where="the top level")
        sources = tuple(_source(entry) for entry in _tables(data, "source", "the top level"))
        defaults = _defaults(data.get("defaults", {}))
        _check_unique(sources, defaults)
    except SourceError as error:
        raise SourceError(f"{path}: {error}") from None
    chosen = {name: environ.get(version_variable(name)) or version for name, version in defaults.items()}
    return Pins(path=path, sources=sources, chosen=chosen)


def version_variable(name: str) -> str:
    """Return the environment variable that overrides the default version of a source."""
    return f"PYWASM_{name.upper().replace('-', '_')}_VERSION"


def _source(entry: Mapping[str, Any]) -> Source:
    where = f"source {entry.get('name', '?')!r}"
    _check_keys(entry, allowed=("name", "version", "file", "location"), where=where)
    name, version, file = (_text(entry, key, where) for key in ("name", "version", "file"))
    if not _FILE_NAME.fullmatch(file):
        raise SourceError(f"{where}: file = {file!r} is not a plain file name")
    locations = tuple(_location(table, f"{where} {version}") for table in _tables(entry, "location", where))
    if not locations:
        raise SourceError(f"{where} {version} has no [[source.location]]")
    return Source(name=name, version=version, file=file, locations=locations)


def _location(table: Mapping[str, Any], where: str) -> Location:
    kind = _text(table, "kind", where)
    if kind not in _PLACES:
        known = " or ".join(map(repr, _PLACES))
        raise SourceError(f"{where}: kind = {kind!r} must be {known}{did_you_mean(kind, _PLACES)}")
    key, form = _PLACES[kind]
    _check_keys(table, allowed=("kind", key, "sha256"), where=f"{where}, location {kind!r}")
    place, sha256 = _text(table, key, where), _text(table, "sha256", where)
    if not form.fullmatch(place):
        raise SourceError(f"{where}: {key} = {place!r} does not look like one")
    if not _SHA256.fullmatch(sha256):
        raise SourceError(f"{where}: sha256 = {sha256!r} must be 64 lower-case hexadecimal digits")
    return Location(kind=kind, place=place, sha256=sha256)


def _defaults(table: Any) -> dict[str, str]:
    if not isinstance(table, dict):
        raise SourceError("defaults must be a table")
    return {name: _text(table, name, "[defaults]") for name in table}


def _check_unique(sources: Sequence[Source], defaults: Mapping[str, str]) -> None:
    for what, items in (
        ("the entry", [f"{source.name} {source.version}" for source in sources]),
        ("the file name", [source.file for source in sources]),
    ):
        for item in items:
            if items.count(item) > 1:
                raise SourceError(f"{what} {item} is there twice")
    names = [source.name for source in sources]
    for name in names:
        if names.count(name) > 1 and name not in defaults:
            raise SourceError(f"{name} has several versions: [defaults] must name the one that is used")
    for name, version in defaults.items():
        if name not in names:
            raise SourceError(f"[defaults] names {name!r}, which is no source{did_you_mean(name, names)}")
        if (name, version) not in {(source.name, source.version) for source in sources}:
            raise SourceError(f"[defaults] names {name} {version}, which is no source")


def _check_keys(table: Mapping[str, Any], *, allowed: Sequence[str], where: str) -> None:
    for key in table:
        if key not in allowed:
            raise SourceError(f"unknown key {key!r} in {where}{did_you_mean(key, allowed)}")


def _tables(table: Mapping[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise SourceError(f"{key} in {where} must be written as [[...]] tables")
    return value


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise SourceError(f'{where} needs {key} = "..."')
    return value
