from pathlib import Path

import pytest

from pywasm_runtime.engine import EngineSettings, new_engine
from pywasm_runtime.module_cache import ModuleCache
from tests.runtime.world import World


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> ModuleCache:
    # A stack that fits the thread on which pytest runs.
    engine = new_engine(EngineSettings(stack_bytes=1 << 20))
    return ModuleCache(engine, tmp_path_factory.mktemp("modules"))


@pytest.fixture
def world(tmp_path: Path, compiled: ModuleCache) -> World:
    return World(tmp_path, compiled)
