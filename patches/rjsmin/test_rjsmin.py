import _rjsmin
import pytest
import rjsmin

SCRIPT = """
// a comment
var pattern = /[/]\\/ + /g; /* another
   comment */
function add( a, b ) {
    return a + + b;    // of two
}
"""


def test_compiled_core_is_in_use():
    assert rjsmin.jsmin is _rjsmin.jsmin
    assert _rjsmin.__file__.endswith(".so")


def test_known_result():
    assert rjsmin.jsmin(SCRIPT) == "var pattern=/[/]\\/ + /g;function add(a,b){return a+ +b;}"
    assert rjsmin.jsmin("/*! kept */ a  =  'x  y'", keep_bang_comments=True) == "/*! kept */a='x  y'"
    assert rjsmin.jsmin(b"a = 1 ;") == b"a=1;"


def test_compiled_and_pure_agree():
    pure = rjsmin._make_jsmin(python_only=True)
    for text in (SCRIPT, "`a  ${ b }`", "a\n++\nb", "x = y / z / 2", "\u20ac = '\u20ac  \u20ac'"):
        assert rjsmin.jsmin(text) == pure(text)


def test_errors():
    with pytest.raises(TypeError):
        rjsmin.jsmin(1)
