"""Names from outside are accepted by their rules, or refused in words that do no harm to a terminal."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywasm_runtime.functions.errors import InvalidName
from pywasm_runtime.functions.names import (
    check_call_id,
    check_digest,
    check_entry,
    check_function,
    check_key,
    check_member_path,
    check_user,
    did_you_mean,
    quote,
)

Check = Callable[[object], str]
CHECKS: dict[str, Check] = {
    "user": check_user,
    "function": check_function,
    "entry": check_entry,
    "key": check_key,
    "member": check_member_path,
    "call": check_call_id,
    "digest": check_digest,
}
GOOD = [
    *((check_user, name) for name in ("a", "0", "ann-b_2", "a" * 63)),
    *((check_function, name) for name in ("f", "_f", "0-f", "Mat_mul", "F" * 100)),
    *((check_entry, name) for name in ("faasm_main", "_", "größe", "e" * 100)),
    *((check_key, key) for key in ("k", "../../etc/passwd", "/", ".", "a b", "schlüssel", "k" * 512, "ü" * 256)),
    *(
        (check_member_path, path)
        for path in ("a.py", "a/b/c.txt", "x y/ü.py", "...", "a" * 255, "/".join(["ab"] * 341))
    ),
    *((check_call_id, name) for name in ("0" * 32, "af" * 16 + ".0", "0" * 32 + ".12.999", "0" * 32 + ".1" * 64)),
    (check_digest, "0f" * 32),
]
BAD = [
    *((check_user, name) for name in ("", "Ann", "-a", "a" * 64, "a/b", "a.b", "a\n", "ä", "a\0", "\u0663", "..")),
    *((check_function, name) for name in ("", "-f", "f" * 101, "../f", "f/g", "f.py", "f\n", "f\0", "\u017f", "a b")),
    *(
        (check_entry, name)
        for name in ("", "1a", "a.b", "class", "None", "a" * 101, "a\n", "\0", "\ufb01", "a-b", "__ \ud800")
    ),
    *((check_key, key) for key in ("", "k" * 513, "ü" * 257, "a\0b", "a\nb", "\x7f", "\x85", "\ud800", "a\ud800")),
    *(
        (check_member_path, path)
        for path in ("", "/a", "a/", "a//b", "./a", "a/.", "../a", "a/../b", "a/..", "C:/a", "c:a")
    ),
    *((check_member_path, path) for path in ("a\\b", "a\0", "a\nb", "\ud800", "a" * 256, "/".join(["ab"] * 342))),
    *((check_call_id, name) for name in ("", "0" * 31, "A" * 32, "0" * 32 + ".", "0" * 32 + ".01", "0" * 32 + ".-1")),
    *((check_call_id, name) for name in ("0" * 32 + "\n", "0" * 32 + ".1" * 65, "0" * 32 + ".1234567890")),
    *((check_digest, name) for name in ("", "0" * 63, "F" * 64, "../" + "0" * 61)),
]


@pytest.mark.parametrize(("check", "name"), GOOD)
def test_good_names_are_given_back(check: Check, name: str) -> None:
    assert check(name) == name


@pytest.mark.parametrize(("check", "name"), BAD)
def test_bad_names_are_refused(check: Check, name: str) -> None:
    with pytest.raises(InvalidName):
        check(name)


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
@pytest.mark.parametrize("value", [None, 7, b"a", ["a"], {"a": 1}, 1.5, True])
def test_what_is_no_text_is_refused(check: Check, value: object) -> None:
    with pytest.raises(InvalidName, match=type(value).__name__):
        check(value)


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
@given(name=st.text(st.characters(), max_size=2000))
def test_a_message_is_short_and_printable(check: Check, name: str) -> None:
    try:
        assert check(name) == name
    except InvalidName as error:
        assert str(error).isprintable()
        assert len(str(error)) < 300


@given(path=st.text(st.sampled_from("a./\\:\0 ü"), max_size=12))
def test_an_accepted_path_stays_in_its_folder(path: str) -> None:
    try:
        check_member_path(path)
    except InvalidName:
        return
    parts = path.split("/")
    assert all(part not in ("", ".", "..") for part in parts)
    assert not path.startswith("/")


def test_quoting() -> None:
    assert quote("a\x1b[31mb") == "'a?[31mb'"
    assert quote("x" * 81) == f"'{'x' * 80}…'"
    assert quote("x" * 80) == f"'{'x' * 80}'"


def test_near_names_are_offered() -> None:
    assert did_you_mean("memry", ["memory", "wall"]) == " (did you mean 'memory'?)"
    assert did_you_mean("q" * 100_000, ["memory"]) == ""
