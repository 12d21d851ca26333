"""Turn a function's settings into JSON and back; what comes from outside is checked here.

The settings hold an entry's name, limits, environment variables and what `pywasm_host.config` reads.
"""

import json
import re
from collections.abc import Mapping

from pywasm_runtime.functions.errors import FunctionError, InvalidName, LimitExceeded
from pywasm_runtime.functions.limits import MAXIMUM, limits_from_json, limits_to_json
from pywasm_runtime.functions.model import DEFAULT_ENTRY, FunctionSettings, Limits
from pywasm_runtime.functions.names import check_entry, check_key, did_you_mean, quote

MAX_PAIRS = 256
MAX_PAIRS_BYTES = 64 << 10
_KEYS = ("entry", "limits", "environment", "config")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")


def settings_to_json(settings: FunctionSettings) -> dict[str, object]:
    """Give the settings as JSON has them."""
    return {
        "entry": settings.entry,
        "limits": limits_to_json(settings.limits),
        "environment": dict(settings.environment),
        "config": dict(settings.config),
    }


def settings_from_json(value: object, *, maximum: Limits = MAXIMUM) -> FunctionSettings:
    """Read settings, whole or in part; raises FunctionError, or one of its kinds, that says what is wrong."""
    if not isinstance(value, Mapping):
        raise FunctionError(f"settings must be a JSON object, not {type(value).__name__}")
    for key in value:
        if key not in _KEYS:
            near, known = did_you_mean(str(key), _KEYS), ", ".join(_KEYS)
            raise InvalidName(f"no setting is named {quote(str(key))}{near}; there are: {known}")
    return FunctionSettings(
        entry=check_entry(value.get("entry", DEFAULT_ENTRY)),
        limits=limits_from_json(value.get("limits", {}), maximum=maximum),
        environment=check_environment(value.get("environment", {})),
        config=check_config(value.get("config", {})),
    )


def settings_to_text(settings: FunctionSettings) -> str:
    """Give the settings as one line of JSON, the same for the same settings."""
    return json.dumps(settings_to_json(settings), sort_keys=True)


def settings_from_text(text: str | bytes, *, maximum: Limits = MAXIMUM) -> FunctionSettings:
    """Read settings from JSON text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FunctionError(f"the settings are not valid JSON: {error}") from None
    return settings_from_json(value, maximum=maximum)


def check_environment(value: object) -> dict[str, str]:
    """Accept environment variables: names as a shell has them, values of text without NUL."""
    pairs = _check_pairs(value, "environment")
    for name, text in pairs.items():
        if not _VARIABLE.fullmatch(name):
            raise InvalidName(f"{quote(name)} cannot name an environment variable: use A-Z, a-z, 0-9 and '_'")
        if "\0" in text:
            raise InvalidName(f"the environment variable {name} cannot hold a NUL character")
    return pairs


def check_config(value: object) -> dict[str, str]:
    """Accept what a function can read by `config(key)`: keys by the same rule as state keys."""
    pairs = _check_pairs(value, "config")
    for key in pairs:
        check_key(key)
    return pairs


def _check_pairs(value: object, what: str) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise FunctionError(f"{what} must be a JSON object, not {type(value).__name__}")
    if len(value) > MAX_PAIRS:
        raise LimitExceeded(f"{what} has {len(value)} names, and may have {MAX_PAIRS}")
    pairs: dict[str, str] = {}
    for name, text in value.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise FunctionError(f"{what}: {quote(str(name))} must have text as its value, not {type(text).__name__}")
        pairs[name] = text
    try:
        size = sum(len(name.encode()) + len(text.encode()) for name, text in pairs.items())
    except UnicodeEncodeError:
        raise InvalidName(f"{what} has text that is not valid Unicode") from None
    if size > MAX_PAIRS_BYTES:
        raise LimitExceeded(f"{what} has {size} bytes, and may have {MAX_PAIRS_BYTES}")
    return pairs
