import pickle

import persistent
import pytest
from persistent import TimeStamp, _ring, cPersistence, cPickleCache
from persistent._timestamp import TimeStamp as CompiledTimeStamp
from persistent.persistence import PersistentPy
from persistent.picklecache import PickleCachePy

NUMBERS = [number.to_bytes(8, "big") for number in range(1, 6)]


class Jar:
    """A data base that knows which objects were asked for, and which have changed."""

    def __init__(self, cache):
        self.cache, self.loaded, self.registered = cache(self, 3), [], []

    def setstate(self, one):
        self.loaded.append(one._p_oid)
        one.__setstate__({"value": int.from_bytes(one._p_oid, "big")})

    def register(self, one):
        self.registered.append(one._p_oid)


class Compiled(cPersistence.Persistent):
    pass


class Pure(PersistentPy):
    pass


def ghosts(kind, cache):
    jar, objects = Jar(cache), [kind() for _ in NUMBERS]
    # A cache does not keep ghosts alive.
    for number, one in zip(NUMBERS, objects, strict=True):
        jar.cache.new_ghost(number, one)
    return jar, objects


def test_compiled_parts_are_in_use():
    assert persistent.Persistent is cPersistence.Persistent
    assert persistent.PickleCache is cPickleCache.PickleCache
    assert TimeStamp.TimeStamp is CompiledTimeStamp
    for module in (cPersistence, cPickleCache, _ring):
        assert module.__file__.endswith(".so")


# The pure ones keep their order in the ring that is called through cffi.
@pytest.mark.parametrize(
    "kind, cache", [(Compiled, cPickleCache.PickleCache), (Pure, PickleCachePy)], ids=["C", "cffi"]
)
def test_objects_of_a_cache(kind, cache):
    jar, objects = ghosts(kind, cache)
    assert {one._p_state for one in objects} == {persistent.GHOST}
    assert [one.value for one in objects] == [1, 2, 3, 4, 5]
    assert jar.loaded == NUMBERS
    objects[1].value = 7
    assert (jar.registered, objects[1]._p_changed) == ([NUMBERS[1]], True)
    # Those that were used the longest ago go; what has changed stays.
    assert objects[0].value == 1
    jar.cache.incrgc()
    assert [one._p_state for one in objects] == [
        persistent.UPTODATE,
        persistent.CHANGED,
        persistent.GHOST,
        persistent.GHOST,
        persistent.UPTODATE,
    ]
    assert objects[2].value == 3
    assert jar.loaded[5:] == [NUMBERS[2]]


def test_state():
    one = Compiled()
    one.name, one._v_volatile = "a", "b"
    assert one.__getstate__() == {"name": "a"}
    other = pickle.loads(pickle.dumps(one))
    assert (type(other), other.name, hasattr(other, "_v_volatile")) == (Compiled, "a", False)


def test_time_stamp():
    stamp = CompiledTimeStamp(2026, 11, 21, 14, 30, 12.5)
    assert (stamp.year(), stamp.month(), stamp.day(), stamp.hour(), stamp.minute()) == (2026, 11, 21, 14, 30)
    assert stamp.second() == pytest.approx(12.5, abs=1e-6)
    assert CompiledTimeStamp(stamp.raw()) == stamp
    assert stamp.laterThan(stamp) > stamp
    with pytest.raises(ValueError):
        CompiledTimeStamp(2026, 13, 1)
