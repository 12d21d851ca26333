"""Know wheels: what they require in the guest, and whether they keep what tag and imports promise.

Formats: "Binary distribution format", "Core metadata" and "Dependency specifiers" of the Python packaging
specifications; side modules as in DynamicLinking.md of the WebAssembly tool conventions.
"""

from __future__ import annotations

import email
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.metadata import InvalidMetadata, Metadata
from packaging.requirements import Requirement
from packaging.tags import Tag, parse_tag
from packaging.utils import InvalidWheelFilename, NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from pywasm_binary import ABI_SECTION, Dylink, Import, Kind, MalformedModule, WasmModule
from pywasm_binary.dylink import SECTION_NAME
from pywasm_binary.sections import HEADER
from pywasm_build.errors import ArchiveError, WheelError
from pywasm_build.sources import file_sha256
from pywasm_build.wheel_archive import (
    WheelArchive,
    foreign_format,
    is_library,
    normalise,
    open_wheel,
    read_record,
)

__all__ = ["Wheel", "check", "normalise", "require_good", "requirements", "target_environment"]

PLATFORM_TAG = "wasi_wasm32"
# The multiarch name that CPython puts into the file names of its extension modules.
_MULTIARCH = "wasm32-wasi"

_ENV, _GOT_FUNCTIONS, _GOT_DATA = "env", "GOT.func", "GOT.mem"
# What the dynamic linker answers itself, and the two tags of the exceptions of C++ and longjmp.
_STANDARD = frozenset(
    (
        ("memory", Kind.MEMORY),
        ("__indirect_function_table", Kind.TABLE),
        ("__stack_pointer", Kind.GLOBAL),
        ("__memory_base", Kind.GLOBAL),
        ("__table_base", Kind.GLOBAL),
        ("__cpp_exception", Kind.TAG),
        ("__c_longjmp", Kind.TAG),
    )
)

_REBUILD = "build it with the compiler drivers of `inv toolchain`"


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """A wheel file: what its name, its METADATA and its bytes (`sha256`, hexadecimal) say."""

    path: Path
    name: NormalizedName
    version: Version
    tags: frozenset[Tag]
    metadata: Metadata = field(compare=False, repr=False)
    sha256: str

    @classmethod
    def read(cls, path: Path) -> Wheel:
        """Read a wheel; raise ArchiveError if it is damaged or unsafe, WheelError if its parts disagree."""
        try:
            name, version, _, tags = parse_wheel_filename(path.name)
        except InvalidWheelFilename as error:
            raise WheelError(f"{path} does not have the name of a wheel: {error}") from error
        metadata = _read_metadata(path, name, version)
        return cls(path=path, name=name, version=version, tags=tags, metadata=metadata, sha256=file_sha256(path))

    @property
    def requires(self) -> tuple[Requirement, ...]:
        """What METADATA lists under Requires-Dist, whatever the markers say."""
        return tuple(self.metadata.requires_dist or ())

    @property
    def is_pure(self) -> bool:
        """Tell whether its tags say that it suits every platform."""
        return all(tag.abi == "none" and tag.platform == "any" for tag in self.tags)


def _read_metadata(path: Path, name: NormalizedName, version: Version) -> Metadata:
    with open_wheel(path) as source:
        folder = source.dist_info.removesuffix(".dist-info").rpartition("-")[0]
        raw = source.metadata("METADATA")
    metadata = Metadata.from_email(raw, validate=False)
    try:
        # Not validated as a whole: many a good wheel has a field that its metadata version does not know.
        found = (canonicalize_name(metadata.name), metadata.version)
        _ = metadata.requires_dist
    except (InvalidMetadata, AttributeError, TypeError) as error:
        raise WheelError(f"{path} has a METADATA that cannot be read: {error}") from error
    if found != (name, version) or canonicalize_name(folder) != name:
        raise WheelError(f"{path} holds {found[0]} {found[1]} in {source.dist_info}, which is not what its name says")
    return metadata


def target_environment(version: str) -> dict[str, str]:
    """Return the PEP 508 marker environment of the guest with this version of Python, such as X.Y.Z.

    It has every variable that there is: one that it lacked would be looked up on the build machine.
    """
    parsed = Version(version)
    return {
        "implementation_name": "cpython",
        "implementation_version": version,
        "os_name": "posix",
        "platform_machine": "wasm32",
        "platform_python_implementation": "CPython",
        "platform_release": "0.0.0",
        "platform_system": "wasi",
        "platform_version": "0.0.0",
        "python_full_version": version,
        "python_version": f"{parsed.major}.{parsed.minor}",
        "sys_platform": "wasi",
    }


def requirements(wheel: Wheel, environment: Mapping[str, str], extras: Sequence[str] = ()) -> list[Requirement]:
    """List what a wheel requires in an environment, with these extras of it."""
    return [wanted for wanted in wheel.requires if _holds(wanted, environment, extras)]


def _holds(wanted: Requirement, environment: Mapping[str, str], extras: Sequence[str]) -> bool:
    marker = wanted.marker
    return marker is None or any(marker.evaluate({**environment, "extra": extra}) for extra in ("", *extras))


def require_good(
    wheel: Wheel, *, short: str, provided: frozenset[str], abi: str, forbidden: Sequence[str] = ()
) -> None:
    """Raise WheelError with all that `check` finds."""
    problems = check(wheel, short=short, provided=provided, abi=abi, forbidden=forbidden)
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise WheelError(f"{wheel.path} must not be installed:\n{listed}")


def check(wheel: Wheel, *, short: str, provided: frozenset[str], abi: str, forbidden: Sequence[str] = ()) -> list[str]:
    """Return what is wrong with a wheel and what to do about it; nothing if it can be installed.

    short: version of the guest's Python as X.Y.
    provided: the names that python.wasm exports.
    abi: what the ABI section of a side module must say.
    forbidden: what no entry may contain, such as paths of the build machine.
    """
    problems = _tag_problems(wheel, short)
    try:
        with open_wheel(wheel.path) as source:
            modules = _read_entries(source, wheel, forbidden, problems)
            problems += _wheel_file_problems(source, wheel)
    except (ArchiveError, WheelError) as error:
        return [*problems, str(error)]
    if modules and wheel.is_pure:
        problems.append(
            f"it is tagged as pure but has side modules ({', '.join(m.name for m in modules)});"
            " its build must tag it for the platform"
        )
    for module in modules:
        problems += _name_problems(module, wheel, short)
        problems += _link_problems(module, modules, provided, abi)
    return problems


def _tag_problems(wheel: Wheel, short: str) -> list[str]:
    major, minor = short.split(".")
    own = Tag(f"cp{major}{minor}", f"cp{major}{minor}", PLATFORM_TAG)
    bad = sorted(str(tag) for tag in wheel.tags if not _suits(tag, own, short))
    # A wheel without an ABI is the same for all that its tags name; of the others each must be for the guest.
    if not bad or (len(bad) < len(wheel.tags) and all(tag.abi == "none" for tag in wheel.tags)):
        return []
    return [
        f"its tag {', '.join(bad)} does not suit Python {short} in wasm; that needs {own},"
        f" cp{major}N-abi3-{PLATFORM_TAG} or py{major}N-none-any with N up to {minor}, py{major}-none-{PLATFORM_TAG},"
        f" py{major}-none-any or {own.interpreter}-none-any: build it in crossenv"
    ]


def _suits(tag: Tag, own: Tag, short: str) -> bool:
    """Tell whether the guest, whose own tag is `own`, takes a wheel with this tag."""
    major, minor = short.split(".")
    pure = (tag.abi, tag.platform) == ("none", "any")
    stable = (tag.abi, tag.platform) == ("abi3", PLATFORM_TAG)
    # Libraries that are loaded through ctypes, for any Python.
    loaded = (tag.abi, tag.platform) == ("none", PLATFORM_TAG)
    if tag == own or ((pure or loaded) and tag.interpreter in (f"py{major}", own.interpreter)):
        return True
    since = re.fullmatch(f"{'cp' if stable else 'py'}{major}([0-9]+)", tag.interpreter)
    return (pure or loaded or stable) and since is not None and int(since[1]) <= int(minor)


def _wheel_file_problems(source: WheelArchive, wheel: Wheel) -> list[str]:
    fields = email.message_from_bytes(source.metadata("WHEEL"))
    problems = []
    version = str(fields.get("Wheel-Version", "none")).strip()
    if version.partition(".")[0] != "1":
        problems.append(f"its Wheel-Version is {version}; installers understand 1.x: build it with other tools")
    said = sorted(str(line).strip() for line in fields.get_all("Tag", []))
    try:
        tags = frozenset(tag for line in said for tag in parse_tag(line))
    except ValueError:
        tags = frozenset()
    if tags != wheel.tags:
        problems.append(
            f"its WHEEL file says {', '.join(said) or 'no tag'}, which are not the tags of its file name:"
            " build it again instead of renaming it"
        )
    return problems


@dataclass(frozen=True, kw_only=True)
class _SideModule:
    """What of a side module is needed to know whether it will link; `broken` says why it cannot be read."""

    name: str
    dylink: Dylink | None = None
    abi: str | None = None
    imports: tuple[Import, ...] = ()
    exports: frozenset[tuple[str, Kind]] = frozenset()
    broken: str = ""

    @property
    def file(self) -> str:
        return self.name.rpartition("/")[2]


def _read_entries(
    source: WheelArchive, wheel: Wheel, forbidden: Sequence[str], problems: list[str]
) -> list[_SideModule]:
    """Read every entry once; add what is wrong with it as bytes to `problems`, return the side modules."""
    record = read_record(source)
    advice = "; build the wheel again, or let `normalise` write its RECORD"
    problems += [problem + advice for problem in record.problems]
    modules = []
    for name in source.names:
        content = source.read(name)
        if name not in source.unrecorded:
            problems += [problem + advice for problem in record.check(name, content)]
        problems += _path_problems(name, content, forbidden)
        # Pure wheels such as setuptools' carry launchers for Windows, which are data everywhere else.
        launcher = wheel.is_pure and name.endswith(".exe")
        if (foreign := foreign_format(content)) and not (launcher and foreign == "PE"):
            problems.append(f"{name} is a binary for another machine ({foreign}); leave it out or {_REBUILD}")
        elif module := _read_side_module(name, content):
            modules.append(module)
    return modules


def _path_problems(name: str, content: bytes, forbidden: Sequence[str]) -> list[str]:
    found = [path for path in forbidden if path.encode() in content or path in name]
    if not found:
        return []
    return [
        f"{name} contains {', '.join(found)} of the build machine; have it replaced or mapped by the compiler"
        " (-ffile-prefix-map), or patch what writes it"
    ]


def _read_side_module(name: str, content: bytes) -> _SideModule | None:
    """Return what the linker would see; None for what is neither named nor made as a side module."""
    named = is_library(name)
    if not named and not content.startswith(HEADER):
        return None
    try:
        wasm = WasmModule(content)
        if wasm.dylink is None:
            missing = f"is no side module (it has no {SECTION_NAME} section)"
            return _SideModule(name=name, broken=missing) if named else None
        exports = frozenset((symbol, export.kind) for symbol, export in wasm.exports.items())
        return _SideModule(name=name, dylink=wasm.dylink, abi=wasm.abi, imports=wasm.imports, exports=exports)
    except MalformedModule as error:
        return _SideModule(name=name, broken=f"cannot be read: {error}") if named else None


def _name_problems(module: _SideModule, wheel: Wheel, short: str) -> list[str]:
    """Check that Python would look for a file of this name."""
    stem, _, suffix = module.file.partition(".")
    own = f"cpython-{short.replace('.', '')}-{_MULTIARCH}.so"
    stable = any(tag.abi == "abi3" for tag in wheel.tags)
    good = ("so", "abi3.so") if stable else ("so", "abi3.so", own)
    # The name of a library is free, but for the endings of extension modules.
    library = stem.startswith("lib") and not re.search(r"\.(abi|cp|pypy|graalpy)[^.]*\.so$", module.file)
    if suffix in good or library or not is_library(module.name):
        return []
    expected = ", ".join(f".{ending}" for ending in reversed(good))
    return [f"{module.name} should end in one of {expected}: no Python that the tag names would find it"]


def _link_problems(
    module: _SideModule, modules: Sequence[_SideModule], provided: frozenset[str], abi: str
) -> list[str]:
    if module.dylink is None:
        return [f"{module.name} {module.broken}; {_REBUILD}"]
    problems = []
    if module.abi is None:
        problems.append(f"{module.name} has no section {ABI_SECTION}; {_REBUILD}")
    elif module.abi != abi:
        problems.append(f"{module.name} was built for the ABI {module.abi!r}, this is {abi!r}; build it again")
    # Here is every side module's name: which of them a loader finds is decided when it runs.
    absent = sorted(set(module.dylink.needed) - {other.file for other in modules})
    if absent:
        problems.append(f"{module.name} needs {', '.join(absent)}, not in the wheel; link it statically or put it in")
    defined = frozenset(symbol for other in modules for symbol in other.exports)
    return problems + _import_problems(module, module.dylink, provided, defined)


def _import_problems(
    module: _SideModule, dylink: Dylink, provided: frozenset[str], defined: frozenset[tuple[str, Kind]]
) -> list[str]:
    missing, alien = set(), set()
    for wanted in module.imports:
        if wanted.module not in (_ENV, _GOT_FUNCTIONS, _GOT_DATA):
            alien.add(f"{wanted.module}.{wanted.name}")
        elif not _is_provided(wanted, dylink, provided, defined):
            missing.add(wanted.name)
    problems = []
    if missing:
        problems.append(
            f"{module.name} imports what neither python.wasm nor a side module of the wheel exports:"
            f" {', '.join(sorted(missing))}; link what defines it statically, or patch its use out"
        )
    if alien:
        problems.append(
            f"{module.name} imports from other modules than {_ENV}, {_GOT_FUNCTIONS} and {_GOT_DATA}:"
            f" {', '.join(sorted(alien))}; link it without a C library, python.wasm has it"
        )
    return problems


def _is_provided(
    wanted: Import, dylink: Dylink, provided: frozenset[str], defined: frozenset[tuple[str, Kind]]
) -> bool:
    kind = {_GOT_DATA: Kind.GLOBAL, _GOT_FUNCTIONS: Kind.FUNCTION}.get(wanted.module, wanted.kind)
    if wanted.module == _ENV and (wanted.name, kind) in _STANDARD:
        return True
    if kind in (Kind.MEMORY, Kind.TABLE):
        return False
    # wasm-ld writes the flags of GOT entries under `env`. Only functions and addresses can be null.
    weak = dylink.is_weak_import(wanted.module, wanted.name) or dylink.is_weak_import(_ENV, wanted.name)
    if weak and (wanted.module != _ENV or kind is Kind.FUNCTION):
        return True
    return wanted.name in provided or (wanted.name, kind) in defined
