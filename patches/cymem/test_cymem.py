from cymem import cymem
from cymem.cymem import Address, Pool


def test_the_module_is_compiled():
    assert cymem.__file__.endswith(".so")


def test_addresses_of_memory():
    first, second = Address(10, 8), Address(10, 8)
    assert first.addr != 0
    assert abs(first.addr - second.addr) >= 80


def test_a_pool_keeps_what_it_is_given():
    pool, kept = Pool(), object()
    pool.own_pyref(kept)
    assert pool.refs == [kept]
    assert pool.size == 0
    assert pool.addresses == {}
