"""Get pinned sources: from the cache, a local folder, upstream, or a Debian mirror, in this order.

    PYWASM_SOURCES          a folder with the files, for machines without a network
    PYWASM_DEBIAN_MIRROR    the URL of a Debian mirror, for machines without apt or with another distribution
    PYWASM_<NAME>_VERSION   another version that third-party/sources.toml has, for example of cpython

The cache holds verified files only: `<downloads>/<sha256>/<file>`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote, urlsplit

from pywasm_build.command import Runner
from pywasm_build.download import Downloader
from pywasm_build.errors import DownloadError, HashMismatch, MachineError, Offline, UsageError
from pywasm_build.pins import Location, Pins, Source, read_pins
from pywasm_build.workspace import Workspace

_APT_TARGETS = ("apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages")


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One line of `inv sources`.

    used: whether it is the version that is chosen. size: in bytes, None when the file is not here.
    """

    name: str
    version: str
    file: str
    used: bool
    state: str
    size: int | None


class Sources:
    """The pinned sources of a checkout."""

    def __init__(
        self,
        workspace: Workspace,
        runner: Runner,
        environ: Mapping[str, str],
        *,
        downloader: Downloader | None = None,
    ) -> None:
        self.workspace = workspace
        self._runner = runner
        self._environ = environ
        self._downloader = downloader or Downloader()

    @cached_property
    def pins(self) -> Pins:
        """What third-party/sources.toml says."""
        return read_pins(self.workspace.sources_toml, self._environ)

    def find(self, name: str, version: str | None = None) -> Source:
        """Return the pinned source of that name; see Pins.find."""
        return self.pins.find(name, version)

    def fetch(self, name: str, version: str | None = None) -> Path:
        """Return the verified file of a source, from the first place that has it.

        Raises SourceError, HashMismatch, Offline when nothing could be reached, else DownloadError.
        """
        source = self.find(name, version)
        found = self._cached(source) or self._local(source)
        return found or self._download(source)

    def listing(self) -> list[Listed]:
        """Return the state of every source, without looking into the files."""
        return [self._listed(source, self._present(source)) for source in self.pins.sources]

    def verify(self) -> list[Listed]:
        """Hash every file that is in the cache; delete what is not what it should be, and say so."""
        rows = []
        for source in self.pins.sources:
            before = self._present(source)
            path = self._cached(source)
            state = "verified" if path else "damaged, deleted" if before else None
            rows.append(self._listed(source, path, state))
        return rows

    def _listed(self, source: Source, path: Path | None, state: str | None = None) -> Listed:
        return Listed(
            name=source.name,
            version=source.version,
            file=source.file,
            used=self.pins.is_chosen(source),
            state=state or ("in the cache" if path else "not downloaded"),
            size=path.stat().st_size if path else None,
        )

    def _target(self, source: Source, sha256: str) -> Path:
        return self.workspace.downloads / sha256 / source.file

    def _present(self, source: Source) -> Path | None:
        paths = [self._target(source, location.sha256) for location in source.locations]
        return next((path for path in paths if path.is_file()), None)

    def _cached(self, source: Source) -> Path | None:
        for location in source.locations:
            path = self._target(source, location.sha256)
            if path.is_file():
                if file_sha256(path) == location.sha256:
                    return path
                path.unlink()
        return None

    def _local(self, source: Source) -> Path | None:
        """Take the file from PYWASM_SOURCES, under its name in the cache or at any location."""
        named = self._environ.get("PYWASM_SOURCES")
        if not named:
            return None
        folder = Path(named).expanduser()
        if not folder.is_dir():
            raise UsageError(f"PYWASM_SOURCES names {folder}, which is no folder")
        expected = {location.sha256 for location in source.locations}
        for name in sorted({source.file, *(location.file for location in source.locations)}):
            path = folder / name
            if not path.is_file():
                continue
            actual = file_sha256(path)
            if actual not in expected:
                raise HashMismatch(
                    str(path),
                    expected=" or ".join(sorted(expected)),
                    actual=actual,
                    advice="Your file was left where it is. Replace it, or move it away for a download",
                )
            return _adopt(path, self._target(source, actual))
        return None

    def _download(self, source: Source) -> Path:
        troubles: list[str] = []
        reached = False
        for location in source.locations:
            for url in self._urls(location, troubles):
                try:
                    target = self._target(source, location.sha256)
                    return self._downloader.download(url, target, location.sha256)
                except HashMismatch:
                    raise
                except Offline as error:
                    troubles.append(f"{location.kind}: {error}")
                except DownloadError as error:
                    reached = True
                    troubles.append(f"{location.kind}: {error}")
        raise (DownloadError if reached else Offline)(_no_location_gave(source, troubles))

    def _urls(self, location: Location, troubles: list[str]) -> Iterator[str]:
        if location.kind == "upstream":
            yield location.place
            return
        try:
            mirrors = self._mirrors
        except MachineError as error:
            troubles.append(f"debian: skipped: {error}")
            return
        # Debian's versions have "~" and "+", which some servers want to see as they are.
        yield from (f"{mirror}/{quote(location.place, safe='/~+')}" for mirror in mirrors)

    @cached_property
    def _mirrors(self) -> list[str]:
        return debian_mirrors(self._runner, self.workspace.root, self._environ)


def debian_mirrors(runner: Runner, cwd: Path, environ: Mapping[str, str]) -> list[str]:
    """Return the roots of the Debian mirrors of this machine, without a slash at the end.

    PYWASM_DEBIAN_MIRROR, else what apt is configured for, without the security archives, which hold other
    files. Raises MachineError where neither says anything.
    """
    if named := environ.get("PYWASM_DEBIAN_MIRROR"):
        if urlsplit(named).scheme not in ("http", "https"):
            raise UsageError(f"PYWASM_DEBIAN_MIRROR must be an http or https URL, not {named!r}")
        return [named.rstrip("/")]
    try:
        sites = runner.run(_APT_TARGETS, cwd=cwd, capture=True, check=False, timeout=30).stdout.split()
    except MachineError:
        raise MachineError("this machine has no apt, and PYWASM_DEBIAN_MIRROR is not set") from None
    mirrors = [
        site.rstrip("/")
        for site in dict.fromkeys(sites)
        if urlsplit(site).scheme in ("http", "https") and "security" not in site
    ]
    if not mirrors:
        raise MachineError("apt is configured for no http mirror, and PYWASM_DEBIAN_MIRROR is not set")
    return mirrors


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _adopt(path: Path, target: Path) -> Path:
    """Copy a verified file into the cache."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        shutil.copyfile(path, temporary)
        temporary.replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
    return target


def _no_location_gave(source: Source, troubles: list[str]) -> str:
    lines = [f"cannot get {source.name} {source.version}:", *(f"  {trouble}" for trouble in troubles)]
    lines.append("Without a network: put one of these files into a folder and name the folder in PYWASM_SOURCES:")
    for location in source.locations:
        lines.append(f"  {location.file}  sha256 {location.sha256}  ({location.kind}: {location.place})")
    if any(location.kind == "debian" for location in source.locations):
        only = all(location.kind == "debian" for location in source.locations)
        lines.append(
            f"It {'comes only' if only else 'also comes'} from a Debian mirror; where apt is missing or is "
            "configured for another distribution, PYWASM_DEBIAN_MIRROR can name one (its root, above pool/)"
        )
    return "\n".join(lines)
