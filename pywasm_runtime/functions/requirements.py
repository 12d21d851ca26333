"""Check a function's requirements.txt against what is installed for the guest; nothing is installed for an upload."""

import email.parser
import json
import re
import shlex
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pywasm_runtime.errors import RuntimeRootError
from pywasm_runtime.functions.errors import UploadRefused
from pywasm_runtime.functions.names import quote
from pywasm_runtime.runtime_root import STAMP

MAX_REQUIREMENTS = 200
MAX_LINE = 500
_COMMENT = re.compile(r"(^|\s+)#.*$")
_OPTION = re.compile(r"(?:^|\s)(--?[A-Za-z][\w-]*)")
_PLACE = re.compile(r"^(?:[\w+.-]+://|git\+|hg\+|svn\+|bzr\+|[./~]|.*\.(?:whl|zip|tar\.\w+)$)")


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """Hold a package that is installed for the guest, and what its metadata requires."""

    version: Version
    requires: tuple[Requirement, ...] = ()


@dataclass(frozen=True, kw_only=True)
class GuestPackages:
    """Hold what is installed, by normalised name, and the guest's values of the environment markers."""

    installed: Mapping[str, Distribution]
    markers: Mapping[str, str]


def guest_packages(root: Path) -> GuestPackages:
    """Read which packages the runtime root `root` has; RuntimeRootError if their metadata cannot be read."""
    folders = sorted(root.glob("usr/lib/python3.*/site-packages"))
    if len(folders) != 1:
        raise RuntimeRootError(f"{root}: {len(folders)} folders site-packages; make it again with: bin/inv runtime")
    installed = {}
    for path in sorted(folders[0].glob("*.dist-info/METADATA")):
        name, distribution = _read_metadata(path)
        installed[name] = distribution
    short = folders[0].parent.name.removeprefix("python")
    return GuestPackages(installed=installed, markers=_markers(_full_version(root, short)))


def check_requirements(lines: Sequence[str], packages: GuestPackages) -> None:
    """Raise UploadRefused that names every requirement that cannot be met, and how to meet it."""
    wanted = _parse(lines)
    unmet = _unmet(wanted, packages)
    if unmet:
        names = " ".join(f"--name {shlex.quote(_without_marker(requirement))}" for requirement, _ in unmet)
        listed = "\n".join(f"  - {_without_marker(requirement)}: {why}" for requirement, why in unmet)
        raise UploadRefused(
            f"requirements.txt asks for what is not installed for functions:\n{listed}\n"
            f"install it with: bin/inv libs.install {names}"
        )


def _parse(lines: Sequence[str]) -> list[Requirement]:
    if len(lines) > MAX_REQUIREMENTS:
        raise UploadRefused(f"requirements.txt has {len(lines)} lines; at most {MAX_REQUIREMENTS} are read")
    parsed, problems = [], []
    for number, line in enumerate(lines, 1):
        text = _COMMENT.sub("", line).strip()
        if not text:
            continue
        try:
            parsed.append(_parse_line(text))
        except ValueError as error:
            problems.append(f"  - line {number}, {quote(text)}: {error}")
    if problems:
        raise UploadRefused("requirements.txt cannot be used:\n" + "\n".join(problems))
    return parsed


def _parse_line(text: str) -> Requirement:
    """Parse one requirement; ValueError says in words what is wrong with it."""
    if len(text) > MAX_LINE:
        raise ValueError(f"longer than {MAX_LINE} characters")
    if option := _OPTION.search(text.partition(";")[0]):
        raise ValueError(f"options such as {option[1]} have no meaning here: name packages and versions only")
    if _PLACE.match(text):
        raise ValueError("packages come from those installed for functions, not from a URL, repository or path")
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        raise ValueError("not a requirement; one looks like: numpy>=2,<3") from None
    if requirement.url:
        raise ValueError("packages come from those installed for functions, not from a URL, repository or path")
    return requirement


def _unmet(wanted: Iterable[Requirement], packages: GuestPackages) -> list[tuple[Requirement, str]]:
    """List what is not installed, with the reason; of a package with extras also what the extras require.

    What an installed package requires by itself is there: it was installed with it.
    """
    unmet: dict[str, tuple[Requirement, str]] = {}
    seen: set[str] = set()
    queue = deque(requirement for requirement in wanted if _applies(requirement, packages.markers, ("",)))
    while queue:
        requirement = queue.popleft()
        if (key := _without_marker(requirement)) in seen:
            continue
        seen.add(key)
        found = packages.installed.get(canonicalize_name(requirement.name))
        if found is None:
            unmet[key] = requirement, "not installed"
        elif not requirement.specifier.contains(found.version, prereleases=True):
            unmet[key] = requirement, f"{found.version} is installed"
        elif requirement.extras:
            extras = sorted(requirement.extras)
            queue.extend(one for one in found.requires if _applies(one, packages.markers, extras))
    return list(unmet.values())


def _applies(requirement: Requirement, markers: Mapping[str, str], extras: Sequence[str]) -> bool:
    if requirement.marker is None:
        return "" in extras  # without a marker it does not belong to an extra
    try:
        return any(requirement.marker.evaluate({**markers, "extra": extra}) for extra in extras)
    except ValueError as error:
        raise UploadRefused(f"requirements.txt: the marker of {quote(str(requirement))}: {error}") from None


def _without_marker(requirement: Requirement) -> str:
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}"


def _read_metadata(path: Path) -> tuple[str, Distribution]:
    try:
        message = email.parser.HeaderParser().parsestr(path.read_text("utf-8"))
        requires = tuple(Requirement(text) for text in message.get_all("Requires-Dist") or ())
        return canonicalize_name(message["Name"]), Distribution(version=Version(message["Version"]), requires=requires)
    except (OSError, UnicodeDecodeError, TypeError, AttributeError, InvalidVersion, InvalidRequirement) as error:
        raise RuntimeRootError(f"{path} cannot be read ({error!r}); make it again with: bin/inv runtime") from None


def _full_version(root: Path, short: str) -> str:
    try:
        return str(json.loads((root / STAMP).read_bytes())["python"]["version"])
    except FileNotFoundError:
        return f"{short}.0"
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RuntimeRootError(f"{root / STAMP} cannot be used ({error!r}); make it with: bin/inv runtime") from None


def _markers(version: str) -> dict[str, str]:
    """Give every variable that there is: one that it lacked would be looked up on this machine."""
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
