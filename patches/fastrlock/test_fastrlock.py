import pytest
from fastrlock import rlock
from fastrlock.rlock import FastRLock


def test_it_is_compiled():
    assert rlock.__file__.endswith(".so")


def test_acquired_as_often_as_released():
    lock = FastRLock()
    with lock:
        assert lock.acquire()
        assert lock._is_owned()
        lock.release()
        assert lock._is_owned()
    assert not lock._is_owned()


def test_errors():
    with pytest.raises(RuntimeError):
        FastRLock().release()
