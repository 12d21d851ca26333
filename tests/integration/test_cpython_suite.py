"""CPython's own regression test suite, complete, in the sandbox."""

import json

import pytest

from pywasm_build.cpython import host_python
from pywasm_build.regression_tests import test_cpython as run_regression_suite
from tests.integration.chain import Chain

# How suite_run describes a test that did not come to its end; none may pass for an expected failure.
CUT_SHORT = ("trapped: ", "timed out ", "ended its process ", "not finished: ", "after the last test: ")


def test_cpython_s_complete_suite(chain: Chain, capsys: pytest.CaptureFixture[str]) -> None:
    context = chain.context
    passed = run_regression_suite(context, host_python(context), [], jobs=context.jobs)
    assert passed, capsys.readouterr().out
    report = json.loads((context.workspace.reports / "cpython.json").read_text("utf-8"))
    assert report["complete"]
    assert report["pass_rate"] >= 0.99
    assert report["counts"]["passed"] > 32_000
    assert [test for test in report["expected"] if test["reason"].startswith(CUT_SHORT)] == []
