"""What two processes of one image must not share; numpy's generators are tested where numpy is, in the guest."""

from __future__ import annotations

import random
import secrets
import ssl
import sys
import tempfile
import uuid
from collections.abc import Iterator

import pytest

from pywasm_host import renewal


@pytest.fixture(autouse=True)
def _watching(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Watch for one test only."""
    for owner, name in ((random.Random, "seed"), (random, "seed"), (secrets, "randbits")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    state = random.getstate()
    renewal.watch()
    yield
    random.setstate(state)


def numbers_after_restore(generator: random.Random) -> set[float]:
    """Go back to one image, twice, and give what comes first."""
    renewal.find()
    image, found = generator.getstate(), set()
    for _ in range(2):
        generator.setstate(image)
        renewal.renew()
        found.add(generator.random())
    return found


def test_what_the_system_seeded_is_renewed() -> None:
    assert len(numbers_after_restore(random.Random())) == 2
    assert len(numbers_after_restore(random._inst)) == 2


def test_what_the_program_seeded_is_not() -> None:
    assert numbers_after_restore(random.Random(42)) == {random.Random(42).random()}
    reseeded = random.Random()
    reseeded.seed("text")
    assert len(numbers_after_restore(reseeded)) == 1


def test_the_module_s_functions_can_be_seeded() -> None:
    random.seed(7)
    assert numbers_after_restore(random._inst) == {random.Random(7).random()}
    random.seed()
    assert len(numbers_after_restore(random._inst)) == 2


def test_a_seed_taken_away_again() -> None:
    generator = random.Random(42)
    generator.seed()
    assert len(numbers_after_restore(generator)) == 2


def test_a_number_that_was_kept_for_the_next_call_is_not_shared() -> None:
    generator = random.Random()
    generator.gauss(0, 1)
    image = generator.getstate()
    renewal.renew()
    first = generator.gauss(0, 1)
    generator.setstate(image)
    assert generator.gauss(0, 1) != first


def test_seeding_is_as_before() -> None:
    plain = random.Random()
    for seed in (0, 1, "a", b"a", 1.5, None):
        plain.seed(seed)
    with pytest.raises(TypeError, match="supported seed types"):
        plain.seed([])  # type: ignore[arg-type]
    assert isinstance(random.SystemRandom().random(), float)
    assert 0 <= secrets.randbits(8) < 256


def test_a_generator_that_cannot_be_hashed() -> None:
    class Odd(random.Random):
        __hash__ = None  # type: ignore[assignment]

    assert 0 <= Odd(3).random() < 1


def test_generators_are_not_kept_alive() -> None:
    known = len(renewal._unseeded)
    generator = random.Random()
    assert len(renewal._unseeded) == known + 1
    del generator
    assert len(renewal._unseeded) == known


def test_modules_with_a_memory_of_their_own() -> None:
    before = uuid.uuid1()
    name, first = tempfile._get_candidate_names(), ssl.RAND_bytes(8)  # type: ignore[attr-defined]
    renewal.renew()
    assert tempfile._get_candidate_names() is not name  # type: ignore[attr-defined]
    assert uuid.uuid1() != before
    assert ssl.RAND_bytes(8) != first


def test_nothing_is_imported_for_it() -> None:
    before = set(sys.modules)
    renewal.find()
    renewal.renew()
    assert set(sys.modules) == before
