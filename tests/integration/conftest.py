"""The real chain, built on first use: with a warm cache in seconds, else in the time of a quickstart."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from pywasm_build.context import Context
from pywasm_build.installed import install_packages
from tests.integration.chain import PACKAGES, Chain, Checkout, make_environment
from tests.integration.functions import Functions, running_functions

_NOT_COPIED = (".git", ".venv", "build", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info", ".venv.lock")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.toolchain)


@pytest.fixture(scope="session")
def chain(pytestconfig: pytest.Config) -> Chain:
    """Build and install what is missing, with its progress on the terminal."""
    context = Context.discover(os.environ)
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        install_packages(context, [Requirement(name) for name in PACKAGES])
    return Chain(context.workspace.root, context)


@pytest.fixture(scope="session")
def scratch(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Copy the checkout: what is installed there does not show in the one that is tested. The cache is shared."""
    root = tmp_path_factory.mktemp("scratch") / "check out"
    shutil.copytree(chain.root, root, symlinks=True, ignore=shutil.ignore_patterns(*_NOT_COPIED))
    make_environment(root)
    return Checkout(root)


@pytest.fixture(scope="session")
def functions(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Functions]:
    """Run a service for functions, with two slots."""
    with running_functions(tmp_path_factory.mktemp("functions")) as running:
        yield running
