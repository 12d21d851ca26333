import markupsafe
from markupsafe import Markup, _native, _speedups, escape


def test_compiled_core_is_in_use():
    assert markupsafe._escape_inner is _speedups._escape_inner


def test_escape():
    assert escape("<em>&'\"") == Markup("&lt;em&gt;&amp;&#39;&#34;")
    assert escape(Markup("<b>")) == "<b>"


def test_compiled_and_pure_agree():
    for text in ("", "plain", "<>&'\"" * 50, "\u20ac<\u20ac", "\U0001f600&"):
        assert _speedups._escape_inner(text) == _native._escape_inner(text)
