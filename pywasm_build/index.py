"""Find and download packages where pip would: in the indexes and folders that pip is configured for.

`pip download` of an sdist runs its build system for the metadata, for numpy minutes of configuration. So the files
are found with unearth, which reads package indexes as pip does, and downloaded like every other pinned source.
"""

from __future__ import annotations

import ast
import logging
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from unearth import PackageFinder, TargetPython
from unearth.evaluator import Package

from pywasm_build.command import Runner
from pywasm_build.download import Downloader
from pywasm_build.errors import DownloadError, HashMismatch
from pywasm_build.sources import file_sha256
from pywasm_build.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Release:
    """A file of a package that an index has; sha256 is "" where the index does not say."""

    name: str
    version: str
    file: str
    url: str
    sha256: str

    @property
    def is_wheel(self) -> bool:
        """Tell whether it is a wheel, not an sdist."""
        return self.file.endswith(".whl")


class PackageIndex:
    """The indexes that pip is configured for, seen by the guest's Python `version`."""

    def __init__(self, workspace: Workspace, runner: Runner, version: str) -> None:
        self._workspace = workspace
        self._runner = runner
        self._version = tuple(int(part) for part in version.split(".")[:2])
        self._downloader = Downloader()

    def sdists(self, requirement: Requirement) -> Iterator[Release]:
        """Yield the sdists that satisfy a requirement, newest first."""
        return (release for release in self._matches(requirement) if not release.is_wheel)

    def best(self, requirement: Requirement) -> Release | None:
        """Return the newest release that satisfies a requirement, as a pure wheel if it has one, else as sdist."""
        found = list(self._matches(requirement))
        newest = [release for release in found if release.version == found[0].version]
        return next((r for r in newest if r.is_wheel), newest[0]) if newest else None

    def fetch(self, release: Release) -> Path:
        """Download a file, verify it, and return its path in the cache."""
        if not release.sha256:
            raise DownloadError(f"the index gives no sha256 for {release.file}, so it cannot be verified")
        target = self._workspace.downloads / release.sha256 / release.file
        if target.is_file() and file_sha256(target) == release.sha256:
            return target
        parts = urlsplit(release.url)
        if parts.scheme != "file":
            return self._downloader.download(release.url, target, release.sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(unquote(parts.path), target)
        actual = file_sha256(target)
        if actual != release.sha256:
            target.unlink()
            raise HashMismatch(
                release.file, expected=release.sha256, actual=actual, advice="The folder's index is wrong"
            )
        return target

    def cached(self, sha256: str) -> Path | None:
        """Return the verified file of that hash if it is in the cache already."""
        for path in sorted((self._workspace.downloads / sha256).glob("[!.]*")):
            if file_sha256(path) == sha256:
                return path
        return None

    def _matches(self, requirement: Requirement) -> Iterator[Release]:
        for package in self._finder.find_matches(requirement):
            yield _release(package)

    @cached_property
    def _finder(self) -> PackageFinder:
        # It reports every index that lacks a package, which is usual with more than one.
        logging.getLogger("unearth").setLevel(logging.CRITICAL)
        settings = self._pip_settings()
        short = "".join(map(str, self._version))
        target = TargetPython(py_ver=self._version, abis=[f"cp{short}"], impl="cp", platforms=["wasi_wasm32"])
        indexes = settings.get("index-url", "").split() + settings.get("extra-index-url", "").split()
        return PackageFinder(
            # Without a setting unearth has pip's own default.
            index_urls=indexes if settings.get("index-url") else [*self._default_index(), *indexes],
            find_links=[link for link in settings.get("find-links", "").split() if self._usable(link)],
            trusted_hosts=settings.get("trusted-host", "").split(),
            target_python=target,
        )

    def _default_index(self) -> list[str]:
        return [source["url"] for source in PackageFinder().sources]

    @staticmethod
    def _usable(link: str) -> bool:
        return "://" in link or Path(link).is_dir()

    def _pip_settings(self) -> dict[str, str]:
        """Read pip's configuration; a later source of a setting (the environment) wins, as in pip."""
        lines = self._runner.run(
            [sys.executable, "-m", "pip", "config", "list"], cwd=self._workspace.root, capture=True
        ).stdout.splitlines()
        settings: dict[str, str] = {}
        for line in lines:
            key, separator, value = line.partition("=")
            scope, _, name = key.rpartition(".")
            if separator and scope in ("global", "install", "download", "wheel", ":env:"):
                settings[name] = str(ast.literal_eval(value))
        return settings


def _release(package: Package) -> Release:
    link = package.link
    sha256 = link.hash if link.hash_name == "sha256" and link.hash else ""
    return Release(
        name=canonicalize_name(package.name),
        version=str(package.version),
        file=link.filename,
        url=link.url_without_fragment,
        sha256=sha256,
    )
