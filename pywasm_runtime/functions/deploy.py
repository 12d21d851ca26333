"""Take an upload: check all that can be checked, import it once in a sandbox, and only then make it a version."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pywasm_runtime.functions.archive import ArchiveInfo, check, materialise
from pywasm_runtime.functions.errors import NotFound, UploadRefused
from pywasm_runtime.functions.model import FunctionSettings, FunctionVersion, ImageReport
from pywasm_runtime.functions.names import check_function, check_user, did_you_mean, quote
from pywasm_runtime.functions.requirements import check_requirements, guest_packages
from pywasm_runtime.functions.settings import settings_from_json, settings_to_json
from pywasm_runtime.storage import Storage, StorageThread

_MOST_LISTED = 20
_MISSING_MODULE = re.compile(r"ModuleNotFoundError: No module named '([A-Za-z_]\w{0,99})'", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Upload:
    """Hold what a user sends; `archive` is a zip as `archive.pack` makes it."""

    user: str
    name: str
    archive: bytes
    settings: FunctionSettings


@dataclass(frozen=True, kw_only=True)
class Site:
    """Say where uploads go.

    root: the runtime root's folder; newest_root: what calls would have if this process began now; code: where archives
    lie unpacked.
    make_image: imports a function's module in a sandbox; the function has the number 0 and is in no storage yet.
    """

    root: Path
    newest_root: Path
    code: Path
    storage: StorageThread
    make_image: Callable[[FunctionVersion], Awaitable[ImageReport]]


async def deploy(upload: Upload, site: Site) -> FunctionVersion:
    """Make an upload the current version of its function.

    What is current already, code and settings, stays and is given back. Raises UploadRefused, InvalidName or another
    FunctionError with the reason; then nothing has changed.
    """
    upload, info = await asyncio.to_thread(_checked, upload, site)
    current = await site.storage.run(lambda storage: _current(storage, upload))
    same = current is not None and (current.digest, current.settings) == (info.digest, upload.settings)
    if same and current is not None and not current.no_image:
        return current
    candidate = FunctionVersion(
        user=upload.user, name=upload.name, version=0, digest=info.digest, settings=upload.settings, created=time.time()
    )
    await asyncio.to_thread(materialise, info.archive, info.digest, site.code)
    report = await site.make_image(candidate)
    _refuse_unusable(report, upload, info)
    if same and current is not None and current.no_image == report.no_image:
        return current
    return await site.storage.run(
        lambda storage: storage.functions.add_version(
            upload.user,
            upload.name,
            digest=info.digest,
            archive=info.archive,
            settings=upload.settings,
            no_image=report.no_image,
        )
    )


def _checked(upload: Upload, site: Site) -> tuple[Upload, ArchiveInfo]:
    """Check what can be checked without running it; on a thread, as a large archive takes a while."""
    check_user(upload.user), check_function(upload.name)
    settings = settings_from_json(settings_to_json(upload.settings))
    info = check(upload.archive, upload.name)
    if info.requirements:
        _check_requirements(info.requirements, site)
    return replace(upload, settings=settings), info


def _check_requirements(requirements: Sequence[str], site: Site) -> None:
    try:
        check_requirements(requirements, guest_packages(site.root))
    except UploadRefused:
        check_requirements(requirements, guest_packages(site.newest_root))
        raise UploadRefused(
            "the packages in requirements.txt were installed after the server was started, and it goes on with those"
            " that it began with; stop it and start it again: bin/inv serve"
        ) from None


def _current(storage: Storage, upload: Upload) -> FunctionVersion | None:
    try:
        return storage.functions.current(upload.user, upload.name)
    except NotFound:
        return None


def _refuse_unusable(report: ImageReport, upload: Upload, info: ArchiveInfo) -> None:
    if report.error:
        hint = _missing_package(report.error)
        raise UploadRefused(f"{info.module}.py cannot be imported: {report.error}{hint}", report.traceback)
    entry = upload.settings.entry
    if entry in report.entries:
        return
    if not report.entries:
        raise UploadRefused(f"{info.module}.py has no top-level function; the entry {quote(entry)} must be one")
    listed = ", ".join(report.entries[:_MOST_LISTED])
    raise UploadRefused(
        f"{info.module}.py has no top-level function {quote(entry)}{did_you_mean(entry, report.entries)}, which is to"
        f" be its entry; it has: {listed}{' ...' if len(report.entries) > _MOST_LISTED else ''}"
    )


def _missing_package(error: str) -> str:
    """Say how to get a package that the module imports; what the error names is the guest's word."""
    found = _MISSING_MODULE.fullmatch(error)
    return f"; if that is a package: bin/inv libs.install --name {found[1]}" if found else ""
