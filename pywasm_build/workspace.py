"""Know every path of a checkout and of the user's cache folder, so that no other module spells one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pywasm_build.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """The checkout (`root`) and the cache folder; both are absolute."""

    root: Path
    cache: Path

    @classmethod
    def discover(cls, environ: Mapping[str, str]) -> Workspace:
        """Return the checkout that holds this package and the cache folder that `environ` asks for."""
        cache = cache_folder(environ)
        if any(character.isspace() for character in str(cache)):
            # CC is one word to configure scripts and make.
            raise UsageError(f"the cache folder {cache} has a blank in its path; name another one in PYWASM_CACHE")
        return cls(root=Path(__file__).resolve().parent.parent, cache=cache)

    # The checkout: data that is committed.

    @property
    def sources_toml(self) -> Path:
        """The pins of every download."""
        return self.root / "third-party" / "sources.toml"

    @property
    def patches(self) -> Path:
        """The patch registry: one folder for each package."""
        return self.root / "patches"

    @property
    def setup_local(self) -> Path:
        """The list of the standard modules that CPython links statically or leaves out."""
        return self.root / "Setup.local"

    @property
    def left_out_toml(self) -> Path:
        """The modules in Python that the guest's standard library leaves out."""
        return self.root / "third-party" / "left-out.toml"

    @property
    def native_sources(self) -> Path:
        """The C code that is linked into python.wasm."""
        return self.guest_library / "native"

    @property
    def guest_library(self) -> Path:
        """The package that function authors import, for the guest."""
        return self.root / "pywasm_host"

    @property
    def faasm_names(self) -> Path:
        """The package with Faasm's names for the guest library."""
        return self.root / "pyfaasm"

    # The checkout: products, ignored by git.

    @property
    def build(self) -> Path:
        """Links to the products that this checkout uses, and its logs."""
        return self.root / "build"

    @property
    def logs(self) -> Path:
        """One full log for each command of a stage."""
        return self.build / "logs"

    @property
    def runtime(self) -> Path:
        """The link to the runtime root, the tree that the guest sees as `/`."""
        return self.build / "runtime"

    @property
    def reports(self) -> Path:
        """Results of package test suites and benchmarks."""
        return self.build / "reports"

    # The cache folder: shared by all checkouts of this user.

    @property
    def downloads(self) -> Path:
        """Verified downloads: `<sha256>/<file>`."""
        return self.cache / "downloads"

    @property
    def store(self) -> Path:
        """Products: `<stage>/<key>/`."""
        return self.cache / "store"

    @property
    def wheelhouse(self) -> Path:
        """Wheels that were built and checked."""
        return self.cache / "wheelhouse"

    @property
    def trials(self) -> Path:
        """Folders in which something is tried; each is gone when its trial ends."""
        return self.cache / "trials"

    def log(self, name: str) -> Path:
        """Return the path of the log called `name` (without suffix)."""
        return self.logs / f"{name}.log"


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return the cache folder: PYWASM_CACHE, else pywasm in XDG_CACHE_HOME, else ~/.cache/pywasm."""
    named = environ.get("PYWASM_CACHE")
    if named:
        folder = Path(named).expanduser()
        if not folder.is_absolute():
            raise UsageError(f"PYWASM_CACHE must be an absolute path, not {named!r}")
        return folder
    xdg = environ.get("XDG_CACHE_HOME", "")
    # The XDG specification says that a relative path is to be ignored.
    if xdg and Path(xdg).is_absolute():
        return Path(xdg) / "pywasm"
    home = environ.get("HOME")
    return (Path(home) if home else Path.home()) / ".cache" / "pywasm"
