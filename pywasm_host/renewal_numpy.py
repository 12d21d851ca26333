"""Renew numpy's generators of random numbers that took their seeds from the operating system.

numpy asks `secrets.randbits` for an entropy, makes a SeedSequence of it, and of that the state of a bit generator. So
whoever has an entropy that was given by the system is renewed, the sequences too: they may be asked for more seeds.
"""

import ctypes
import gc
import os
import sys
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

_MT19937_WORDS = 624
_MT19937_BYTES = 4 * _MT19937_WORDS


class NumpyGenerators:
    """Hold numpy's generators of this process; `entropies` are the seeds that the system gave."""

    def __init__(self, entropies: Collection[int]) -> None:
        self._entropies = entropies
        self._known: dict[int, Any] = {}
        self._renewals: list[Callable[[], None]] = []

    def find(self) -> None:
        """Find what is to be renewed. What was found before is looked at again: it may have a seed now."""
        module, mtrand = sys.modules["numpy.random.bit_generator"], sys.modules["numpy.random.mtrand"]
        kinds = (module.SeedSequence, module.BitGenerator, mtrand.RandomState)
        # The collector does not know any more what an earlier image has.
        self._known |= {id(one): one for one in gc.get_objects() if isinstance(one, kinds)}
        ordered = sorted(self._known.values(), key=lambda one: isinstance(one, module.BitGenerator))
        self._renewals = [renewal for one in ordered for renewal in self._renewal(one)]

    def renew(self) -> None:
        """Give them new seeds: sequences first, then the generators that are seeded with them."""
        for renewal in self._renewals:
            renewal()

    def _renewal(self, one: Any) -> list[Callable[[], None]]:
        if hasattr(one, "get_state"):
            if self._is_from_system(getattr(one._bit_generator, "seed_seq", None)):
                _forget_gauss(one)
            return []
        if hasattr(one, "entropy"):
            renewable = self._is_from_system(one) and hasattr(one, "__setstate__")
            return [partial(_renew_sequence, one)] if renewable else []
        if not self._is_from_system(getattr(one, "seed_seq", None)):
            return []
        return [_mt19937_renewal(one) if type(one).__name__ == "MT19937" else partial(_renew_state, one)]

    def _is_from_system(self, sequence: Any) -> bool:
        entropy = getattr(sequence, "entropy", None)
        return isinstance(entropy, int) and entropy in self._entropies


def _renew_sequence(sequence: Any) -> None:
    sequence.__setstate__(type(sequence)().__reduce__()[2])


def _renew_state(generator: Any) -> None:
    generator.state = type(generator)(generator.seed_seq).state


def _mt19937_renewal(generator: Any) -> Callable[[], None]:
    """Write over the generator's words: to make such a generator takes ten times as long as all else here."""
    address = generator.ctypes.state_address
    position = ctypes.c_int.from_address(address + _MT19937_BYTES)

    def renew() -> None:
        ctypes.memmove(address, os.urandom(_MT19937_BYTES), _MT19937_BYTES)
        position.value = _MT19937_WORDS

    return renew


def _forget_gauss(generator: Any) -> None:
    """Drop the second of two numbers that were made at once: all processes would begin with it."""
    state = generator.get_state(legacy=False)
    if state["has_gauss"]:
        generator.set_state(state | {"has_gauss": 0, "gauss": 0.0})
