import charset_normalizer
import pytest
from charset_normalizer import cd, md

TEXTS = {
    "cp1251": "Всеки човек има право на образование. " * 8,
    "utf_16": "Der schnelle braune Fuchs springt über den faulen Hund. " * 8,
    "utf_8": "Le cœur déçu mais l'âme plutôt naïve, Louÿs rêva de crapaüter. " * 8,
}


def test_compiled_core_is_in_use():
    assert md.__file__.endswith(".so")
    assert cd.__file__.endswith(".so")


@pytest.mark.parametrize("encoding", TEXTS)
def test_text_is_recognised(encoding):
    best = charset_normalizer.from_bytes(TEXTS[encoding].encode(encoding)).best()
    assert str(best) == TEXTS[encoding]


def test_mess_and_binaries():
    assert md.mess_ratio("A plain sentence without any surprise in it.") == 0
    assert md.mess_ratio("\u00c3\u00a9\u00c2\u00a7\u00c3\u00a8\u00c2\u00b0\u00c3\u00a0" * 20) > 0.2
    assert charset_normalizer.is_binary(bytes(range(256)) * 4)
