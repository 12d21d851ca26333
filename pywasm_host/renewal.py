"""Renew what two processes restored from one image must not share: the state of generators of random numbers.

A generator that a program seeded itself goes on as it would in a process of its own. One that took its seed from the
operating system gets a new one. To know them apart, what asks the system for a seed is noted from `watch` on. A seed
that the program read itself, as by `os.urandom`, is a seed like any other; so is, for numpy's RandomState, what
`seed()` without argument gave it. Hash seeds stay: sets and dictionaries of the image were made with them.
"""

import contextlib
import os
import random
import secrets
import sys
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakSet

from pywasm_host.renewal_numpy import NumpyGenerators

_unseeded: WeakSet[random.Random] = WeakSet()
_entropies: set[int] = set()
_numpy = NumpyGenerators(_entropies)
_actions: list[Callable[[], None]] = []

_plain_seed = random.Random.seed
_plain_randbits = secrets.randbits


def _seed(self: random.Random, a: Any = None, version: int = 2) -> None:
    """Seed a generator, as `random.Random.seed` does, and note whether the seed came from the system."""
    with contextlib.suppress(TypeError):  # a subclass that cannot be hashed
        _unseeded.discard(self)
        if a is None:
            _unseeded.add(self)
    _plain_seed(self, a, version)


def _randbits(k: int) -> int:
    """Give a random number, as `secrets.randbits` does: numpy's generators are seeded with it."""
    number = _plain_randbits(k)
    _entropies.add(number)
    return number


def watch() -> None:
    """Note from now on who takes a seed from the system; before anything is imported that does."""
    random.Random.seed = _seed  # type: ignore[method-assign]
    random.seed = random._inst.seed
    random.seed()
    secrets.randbits = _randbits


def find() -> None:
    """Find what is to be renewed; before each image is taken, and before `gc.freeze` hides what is in it."""
    if "numpy.random.mtrand" in sys.modules:
        _numpy.find()
    _actions.clear()
    if "_sqlite3" in sys.modules:
        _actions.extend(_sqlite_renewal())


def renew() -> None:
    """Give new seeds to all that was found, in a restored process."""
    for generator in list(_unseeded):
        _plain_seed(generator)
    _numpy.renew()
    for action in _actions:
        action()
    modules: Mapping[str, Any] = sys.modules
    if (uuid := modules.get("uuid")) is not None:
        uuid._node = uuid._last_timestamp = None
    if (tempfile := modules.get("tempfile")) is not None:
        tempfile._name_sequence = None
    if (ssl := modules.get("_ssl")) is not None:
        # Reseeds OpenSSL's first generator; the others see that and ask it for a new seed.
        ssl.RAND_add(os.urandom(48), 48.0)


def _sqlite_renewal() -> list[Callable[[], None]]:
    import ctypes

    try:
        randomness = ctypes.CDLL(None).sqlite3_randomness
    except AttributeError:  # an SQLite of this machine that keeps its functions to itself
        return []
    randomness.argtypes, randomness.restype = [ctypes.c_int, ctypes.c_void_p], None
    return [lambda: randomness(0, None)]
