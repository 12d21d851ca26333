"""Find and download packages where pip would: in the indexes and folders that pip is configured for.

`pip download` of an sdist runs its build system for the metadata, for numpy minutes of configuration. So the files
are found with unearth, which reads package indexes as pip does, and downloaded like every other pinned source.
"""

from __future__ import annotations

import ast
import atexit
import copy
import logging
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import httpx2
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from unearth import PackageFinder, TargetPython
from unearth.auth import MultiDomainBasicAuth
from unearth.evaluator import Package
from unearth.fetchers import Fetcher, PyPIClient
from unearth.link import Link

from pywasm_build.command import Runner
from pywasm_build.context import Context
from pywasm_build.download import Downloader
from pywasm_build.errors import DownloadError, HashMismatch, Offline
from pywasm_build.sources import file_sha256
from pywasm_build.store import replacing
from pywasm_build.workspace import Workspace

_PACKAGE_SUFFIXES = (".tar.gz", ".zip", ".whl")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# Where pip looks for a setting, the last one wins; `pip config list` sorts them otherwise.
_PIP_SCOPES = ("global", "install", "download", "wheel", ":env:")


@dataclass(frozen=True, kw_only=True)
class Release:
    """A file of a package that an index has.

    sha256: "" where the index does not say.
    url: where it is now; "" for a release that is known by its hash and is looked up again when it is needed.
    """

    name: str
    version: str
    file: str
    url: str = ""
    sha256: str

    @property
    def is_wheel(self) -> bool:
        """Tell whether it is a wheel, not an sdist."""
        return self.file.endswith(".whl")


class _Pages(PyPIClient):
    """Asks an index for each page once: several questions are answered from the same one."""

    def __init__(self, *, trusted_hosts: Sequence[str]) -> None:
        super().__init__(trusted_hosts=trusted_hosts)
        self._kept: dict[str, httpx2.Response] = {}
        atexit.register(self.close)

    def get(self, url: httpx2.URL | str, **options: Any) -> httpx2.Response:
        """Return a page, as it was when it was asked for the first time."""
        if str(url) not in self._kept:
            self._kept[str(url)] = super().get(url, **options)
        return self._kept[str(url)]


class PackageIndex:
    """The indexes that pip is configured for, seen by the guest's Python `version`."""

    def __init__(self, workspace: Workspace, runner: Runner, version: str, *, local: Path | None = None) -> None:
        """See the indexes as Python `version` would; `local` is a folder with files for machines without a network."""
        self._workspace = workspace
        self._local = local
        self._runner = runner
        self._version = tuple(int(part) for part in version.split(".")[:2])
        self._downloader = Downloader()

    def sdists(self, requirement: Requirement) -> Iterator[Release]:
        """Yield the sdists that satisfy a requirement, newest first."""
        return (release for release in self._matches(requirement) if not release.is_wheel)

    def best(self, requirement: Requirement) -> Release | None:
        """Return the newest release that satisfies a requirement, as a pure wheel if it has one, else as sdist.

        A package of which there are wheels for single platforms too has a compiled part, which its pure wheel lacks:
        of such a one the sdist is returned.
        """
        found = list(self._matches(requirement))
        if not found:
            return None
        newest = [release for release in found if release.version == found[0].version]
        wheel = next((release for release in newest if release.is_wheel), None)
        sdist = next((release for release in newest if not release.is_wheel), None)
        if wheel and sdist and not self._has_compiled_wheels(wheel):
            return wheel
        return sdist or wheel

    def pure_wheel(self, release: Release) -> Release | None:
        """Return the pure wheel of the same version as a release, None if it has none."""
        same = Requirement(f"{release.name}=={release.version}")
        return next((found for found in self._matches(same) if found.is_wheel), None)

    def _has_compiled_wheels(self, release: Release) -> bool:
        same = Requirement(f"{release.name}=={release.version}")
        return any(
            found.is_wheel and not found.file.endswith("-any.whl") for found in self._matches(same, for_all=True)
        )

    def for_others(self, requirement: Requirement) -> Release | None:
        """Return the newest release that satisfies a requirement, for whatever machine and Python it is."""
        return next(self._matches(requirement, for_all=True), None)

    def fetch(self, release: Release) -> Path:
        """Download a file, verify it, and return its path in the cache."""
        if not release.sha256:
            raise DownloadError(f"the index gives no sha256 for {release.file}, so it cannot be verified")
        target = self._workspace.downloads / release.sha256 / release.file
        if target.is_file() and file_sha256(target) == release.sha256:
            return target
        url = urlsplit(release.url or self._locate(release))
        if url.scheme != "file":
            return self._downloader.download(url.geturl(), target, release.sha256)
        return _copy(Path(unquote(url.path)), target, release.sha256)

    def cached(self, sha256: str) -> Path | None:
        """Return the verified file of that hash if it is in the cache already, or in the local folder."""
        for path in sorted((self._workspace.downloads / sha256).glob("[!.]*")):
            if file_sha256(path) == sha256:
                return path
        for path in sorted(self._local.iterdir()) if self._local and self._local.is_dir() else ():
            if path.name.endswith(_PACKAGE_SUFFIXES) and file_sha256(path) == sha256:
                return _copy(path, self._workspace.downloads / sha256 / path.name, sha256)
        return None

    def _locate(self, release: Release) -> str:
        """Return the URL of a release that was chosen earlier."""
        for found in self._matches(Requirement(f"{release.name}=={release.version}")):
            if found.file == release.file and found.sha256 in ("", release.sha256):
                return found.url
        raise DownloadError(
            f"no index has {release.file} with sha256 {release.sha256}, which was chosen earlier;"
            f" choose again with: bin/inv libs.install --name {release.name}"
        )

    def _matches(self, requirement: Requirement, *, for_all: bool = False) -> Iterator[Release]:
        try:
            finder = copy.copy(self._finder)
            finder.ignore_compatibility = for_all
            # The specifiers alone would take every pre-release: only if one is named, or there is nothing else.
            for allowed in (True,) if requirement.specifier.prereleases else (False, True):
                if found := finder.find_matches(requirement, allow_prereleases=allowed):
                    yield from map(_release, found)
                    return
        except httpx2.HTTPError as error:
            raise Offline(
                f"cannot ask the package indexes for {requirement}: {error or type(error).__name__}; pip's"
                " configuration says where they are. Without a network: put the sdists that recipes pin into the folder"
                " that PYWASM_SOURCES names"
            ) from error
        except (ValueError, httpx2.InvalidURL) as error:
            raise DownloadError(
                f"a package index that pip is configured for cannot be read for {requirement}: {error}"
            ) from error

    @cached_property
    def _finder(self) -> PackageFinder:
        # It reports every index that lacks a package, which is usual with more than one.
        logging.getLogger("unearth").setLevel(logging.CRITICAL)
        settings = self._pip_settings()
        short = "".join(map(str, self._version))
        target = TargetPython(py_ver=self._version, abis=[f"cp{short}"], impl="cp", platforms=["wasi_wasm32"])
        trusted = settings.get("trusted-host", "").split()
        pages = _Pages(trusted_hosts=trusted)
        finder = PackageFinder(
            index_urls=settings.get("index-url", "").split(),
            trusted_hosts=trusted,
            target_python=target,
            session=cast("Fetcher", pages),
        )
        # With neither index-url nor find-links it has put pip's own default into its sources by now.
        if settings.get("no-index", "").lower() in ("1", "true", "t", "yes", "y", "on"):
            finder.sources.clear()
        for url in settings.get("extra-index-url", "").split() if finder.sources else ():
            finder.add_index_url(url)
        for link in settings.get("find-links", "").split():
            if "://" in link or Path(link).exists():
                finder.add_find_links(link)
        urls = [source["url"] for source in finder.sources if source["type"] == "index"]
        pages.auth = MultiDomainBasicAuth(index_urls=urls)
        return finder

    def _pip_settings(self) -> dict[str, str]:
        """Read pip's configuration as `pip download` would see it."""
        lines = self._runner.run(
            [sys.executable, "-m", "pip", "config", "list"], cwd=self._workspace.root, capture=True
        ).stdout.splitlines()
        found: dict[str, dict[str, str]] = {scope: {} for scope in _PIP_SCOPES}
        for line in lines:
            key, separator, value = line.partition("=")
            scope, _, name = key.rpartition(".")
            if separator and scope in found:
                found[scope][name] = str(ast.literal_eval(value))
        return {name: value for scope in _PIP_SCOPES for name, value in found[scope].items()}


def package_index(context: Context, version: str) -> PackageIndex:
    """Return the indexes that pip is configured for, and the user's folder of downloads, for Python `version`."""
    named = context.environ.get("PYWASM_SOURCES")
    local = Path(named).expanduser() if named else None
    return PackageIndex(context.workspace, context.runner, version, local=local)


def pinned(release: Release, sha256: str) -> Release | None:
    """Return the release with the hash that a recipe pins, None if its index says that it has another one."""
    return replace(release, sha256=sha256) if release.sha256 in ("", sha256) else None


def _release(package: Package) -> Release:
    link = package.link
    return Release(
        name=canonicalize_name(package.name),
        version=str(package.version),
        file=link.filename,
        url=link.url_without_fragment,
        sha256=_sha256(link),
    )


def _sha256(link: Link) -> str:
    """Return the hash that an index gives a file; that of the file itself where it lies on this machine."""
    for value in (link.hash_option or {}).get("sha256", []):
        # It becomes the name of a folder.
        if _SHA256.fullmatch(value):
            return value
    return file_sha256(link.file_path) if link.is_file and link.file_path.is_file() else ""


def _copy(source: Path, target: Path, sha256: str) -> Path:
    """Copy a file of this machine into the cache, if it is the right one."""
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)
        actual = file_sha256(temporary)
        if actual != sha256:
            raise HashMismatch(
                str(source),
                expected=sha256,
                actual=actual,
                advice="The folder's index is wrong, or the file was changed",
            )
    return target
