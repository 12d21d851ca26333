"""Say how a service works: what it serves, with how many workers; the defaults come from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pywasm_runtime.errors import UsageError
from pywasm_runtime.functions.data_folder import DataFolder
from pywasm_runtime.functions.model import Limits
from pywasm_runtime.runtime_root import RuntimeRoot, find_runtime_root

MAX_QUEUED = 1000
MAX_SLOTS = 1024
SLOTS_VARIABLE = "PYWASM_SLOTS"
PRELOAD_VARIABLE = "PYWASM_PRELOAD"
_PRELOADED_IF_THERE = ("numpy",)
_CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """Hold how a service works.

    slots: how many calls run at once. queue_limit: how many calls may be queued before more are refused.
    adopt: run every queued call of the data folder, from the start; otherwise only those that somebody waits for here,
    and the workers are started when the first needs them. preload: modules that are imported before any function's.
    state_bytes: what the keys of a user may hold together when one is written from outside of a call. keep_seconds: how
    long calls are kept after their end, where `adopt` is set.
    """

    data: DataFolder
    root: RuntimeRoot
    slots: int
    queue_limit: int = MAX_QUEUED
    adopt: bool = True
    preload: tuple[str, ...] = ()
    state_bytes: int = Limits.state_bytes
    keep_seconds: float = 7 * 86400.0


def default_settings(
    data: DataFolder, *, adopt: bool = True, slots: int | None = None, environ: Mapping[str, str] = os.environ
) -> ServiceSettings:
    """Give the settings for this checkout's runtime root; UsageError or RuntimeRootError if that cannot be.

    PYWASM_SLOTS and PYWASM_PRELOAD (names with commas between them) take the place of the defaults: a slot for each
    processor, and numpy, if it is installed.
    """
    root = find_runtime_root(_CHECKOUT)
    return ServiceSettings(
        data=data,
        root=root,
        slots=_slots(environ.get(SLOTS_VARIABLE, ""), SLOTS_VARIABLE) if slots is None else _slots(str(slots), "slots"),
        adopt=adopt,
        preload=_preload(environ.get(PRELOAD_VARIABLE), root.folder),
    )


def _slots(text: str, name: str) -> int:
    if not text:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if text.isdecimal() and 1 <= int(text) <= MAX_SLOTS:
        return int(text)
    raise UsageError(f"{name} must be a number from 1 to {MAX_SLOTS}, not {text!r}")


def _preload(text: str | None, root: Path) -> tuple[str, ...]:
    if text is None:
        packages = list(root.glob("usr/lib/python3.*/site-packages/*"))
        return tuple(name for name in _PRELOADED_IF_THERE if any(path.name == name for path in packages))
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise UsageError(f"{PRELOAD_VARIABLE}: {name!r} is not the name of a module")
    return names
