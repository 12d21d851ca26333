import pytest
from yarl import URL, _quoting, _quoting_c, _quoting_py


def test_compiled_core_is_in_use():
    assert _quoting._Quoter is _quoting_c._Quoter
    assert _quoting._Unquoter is _quoting_c._Unquoter


def test_parts():
    url = URL("http://user:p%40ss@example.com:8042/over%20there/\u00e4?name=ferret&name=2#nose")
    assert (url.host, url.port, url.password) == ("example.com", 8042, "p@ss")
    assert url.path == "/over there/\u00e4"
    assert url.raw_path == "/over%20there/%C3%A4"
    assert url.query.getall("name") == ["ferret", "2"]
    assert str(url.with_query(a=[1, 2]) / "b c") == "http://user:p%40ss@example.com:8042/over%20there/%C3%A4/b%20c"
    assert URL("http://b\u00fccher.example/").raw_host == "xn--bcher-kva.example"


@pytest.mark.parametrize("text", ["", "plain", "a b/\u20ac?", "100%", "%25%zz%C3%A4", "\U0001f600" * 100, "x" * 9000])
def test_compiled_and_pure_agree(text):
    for safe, qs in (("", False), ("/:", False), ("", True)):
        quoted = _quoting_c._Quoter(safe=safe, qs=qs)(text)
        assert quoted == _quoting_py._Quoter(safe=safe, qs=qs)(text)
        assert _quoting_c._Unquoter(qs=qs)(quoted) == _quoting_py._Unquoter(qs=qs)(quoted)
