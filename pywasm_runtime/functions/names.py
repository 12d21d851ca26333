"""Check every name that comes from outside: of users, functions, entries, state keys, calls, files in archives.

A check gives the name back or raises InvalidName. What is not text is refused like any other wrong name, since
names also come out of JSON.
"""

import keyword
import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

from pywasm_runtime.functions.errors import InvalidName

MAX_KEY_BYTES = 512
MAX_MEMBER_BYTES = 1024
MAX_PART_BYTES = 255
MAX_ENTRY_CHARACTERS = 100
_SHOWN_CHARACTERS = 80

_USER = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_FUNCTION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")
_CALL_ID = re.compile(r"[0-9a-f]{32}(\.(0|[1-9][0-9]{0,8})){0,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_DRIVE = re.compile(r"[A-Za-z]:")


def check_user(name: object) -> str:
    """Accept the name of a user."""
    return _check_pattern(
        name, _USER, "a user's name is 1 to 63 of a-z, 0-9, '-' and '_', and begins with a letter or digit"
    )


def check_function(name: object) -> str:
    """Accept the name of a function."""
    rule = "a function's name is 1 to 100 of A-Z, a-z, 0-9, '-' and '_', and does not begin with '-'"
    return _check_pattern(name, _FUNCTION, rule)


def check_entry(name: object) -> str:
    """Accept the name of an entry: a Python identifier, spelt as Python keeps it."""
    text = _text(name, "an entry")
    # Python normalises identifiers when it compiles, so another spelling would never be found in the module.
    normal = unicodedata.is_normalized("NFKC", text)
    if text.isidentifier() and normal and not keyword.iskeyword(text) and len(text) <= MAX_ENTRY_CHARACTERS:
        return text
    raise InvalidName(
        f"{quote(text)} cannot be an entry: it is the name of a top-level function,"
        f" a Python identifier of at most {MAX_ENTRY_CHARACTERS} characters"
    )


def check_key(key: object) -> str:
    """Accept a state key. It never becomes a path, so slashes and dots mean nothing in it."""
    text = _text(key, "a state key")
    size = len(_encoded(text, "a state key"))
    if not 1 <= size <= MAX_KEY_BYTES:
        raise InvalidName(
            f"{quote(text)} cannot be a state key: it has {size} bytes, and may have 1 to {MAX_KEY_BYTES}"
        )
    if _has_control(text):
        raise InvalidName(f"{quote(text)} cannot be a state key: it has control characters")
    return text


def check_member_path(path: object) -> str:
    """Accept the path of a file in an archive: relative, normalised, at home on any file system."""
    text = _text(path, "a path in an archive")
    if why := _wrong_in_path(text):
        raise InvalidName(f"{quote(text)} cannot be a path in an archive: {why}")
    return text


def check_call_id(call_id: object) -> str:
    """Accept what may be the id of a call."""
    rule = "a call's id is 32 of 0-9 and a-f, then '.' and a number for each level of chaining"
    return _check_pattern(call_id, _CALL_ID, rule)


def check_digest(digest: object) -> str:
    """Accept what may be a sha256 in hex."""
    return _check_pattern(digest, _DIGEST, "a digest is 64 of 0-9 and a-f")


def quote(text: str) -> str:
    """Quote a name for a message: at most 80 characters of it, none that could garble a terminal."""
    shown = "".join(character if character.isprintable() else "?" for character in text[:_SHOWN_CHARACTERS])
    return f"'{shown}{'…' if len(text) > _SHOWN_CHARACTERS else ''}'"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for the nearest known name, or nothing."""
    near = get_close_matches(name[:_SHOWN_CHARACTERS], list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _check_pattern(name: object, pattern: re.Pattern[str], rule: str) -> str:
    if isinstance(name, str) and pattern.fullmatch(name):
        return name
    raise InvalidName(f"{_show(name)} is not accepted: {rule}")


def _show(name: object) -> str:
    return quote(name) if isinstance(name, str) else f"a value of type {type(name).__name__}"


def _text(name: object, what: str) -> str:
    if not isinstance(name, str):
        raise InvalidName(f"{_show(name)} cannot be {what}: it must be text")
    return name


def _encoded(text: str, what: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidName(f"{quote(text)} cannot be {what}: it is not valid Unicode") from None


def _has_control(text: str) -> bool:
    return any(unicodedata.category(character) == "Cc" for character in text)


def _wrong_in_path(text: str) -> str:
    size = len(_encoded(text, "a path in an archive"))
    parts = text.split("/")
    if not 1 <= size <= MAX_MEMBER_BYTES:
        return f"it has {size} bytes, and may have 1 to {MAX_MEMBER_BYTES}"
    if text.startswith("/") or _DRIVE.match(text):
        return "it is absolute"
    if "\\" in text or _has_control(text):
        return "it has a backslash or control characters"
    if any(part in ("", ".", "..") for part in parts):
        return "its parts may not be empty, '.' or '..'"
    if any(len(part.encode()) > MAX_PART_BYTES for part in parts):
        return f"a part of it has more than {MAX_PART_BYTES} bytes"
    return ""
