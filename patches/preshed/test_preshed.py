from preshed import bloom, counter, maps


def test_the_modules_are_compiled():
    assert all(module.__file__.endswith(".so") for module in (bloom, counter, maps))


def test_a_map_that_grows():
    table = maps.PreshMap(initial_size=8)
    for key in range(1, 1001):
        table[key * 2**40 + key] = key * 3
    assert len(table) == 1000
    assert all(table[key * 2**40 + key] == key * 3 for key in range(1, 1001))
    assert table[12345] is None
    assert sorted(value for _, value in table.items()) == [key * 3 for key in range(1, 1001)]


def test_a_bloom_filter_survives_its_bytes():
    made = bloom.BloomFilter(size=2**12, hash_funcs=5)
    for key in (42, 1001, 2**63):
        made.add(key)
    again = bloom.BloomFilter().from_bytes(made.to_bytes())
    assert all(key in again for key in (42, 1001, 2**63))
    assert 43 not in again


def test_counts():
    count = counter.PreshCounter()
    for number in [3, 5, 3, 3]:
        count.inc(number, 1)
    assert (count[3], count[5], count.total) == (3, 1, 4)
