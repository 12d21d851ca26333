import io
import sys
import textwrap

import coverage
import pytest
from coverage import tracer

SOURCE = textwrap.dedent(
    """\
    def sign(number):
        if number < 0:
            return -1
        return 1


    print(sign(2))
    """
)


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "signs.py").write_text(SOURCE, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "signs.py"
    sys.modules.pop("signs", None)


def test_compiled_tracer_is_in_use(module):
    measured = coverage.Coverage(data_file=None, branch=True)
    with measured.collect():
        import signs

        assert signs.sign(3) == 1
        assert isinstance(sys.gettrace(), tracer.CTracer)
    assert dict(measured.sys_info())["CTracer"].startswith("available from")
    _, statements, _, missing, _ = measured.analysis2(str(module))
    assert (statements, missing) == ([1, 2, 3, 4, 7], [3])
    assert measured.branch_stats(str(module)) == {2: (2, 1)}


def test_compiled_and_pure_agree(module):
    found = {}
    for timid in (False, True):
        sys.modules.pop("signs", None)
        measured = coverage.Coverage(data_file=None, timid=timid)
        with measured.collect():
            import signs  # noqa: F401
        found[timid] = sorted(measured.get_data().lines(str(module)))
    assert found[False] == found[True] == [1, 2, 4, 7]


def test_reports(module, tmp_path):
    measured = coverage.Coverage(data_file=str(tmp_path / "data"))
    with measured.collect():
        import signs  # noqa: F401
    measured.save()
    again = coverage.Coverage(data_file=str(tmp_path / "data"))
    again.load()
    assert again.report(morfs=[str(module)], file=io.StringIO()) == pytest.approx(80)
    assert again.html_report(morfs=[str(module)], directory=str(tmp_path / "html")) == pytest.approx(80)
    assert "signs_py.html" in (tmp_path / "html" / "index.html").read_text("utf-8")
