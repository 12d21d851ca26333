from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pywasm_runtime.errors import UsageError
from pywasm_runtime.functions.data_folder import default_data_path, open_data_folder
from pywasm_runtime.functions.errors import StorageError


def test_the_variable_comes_first(tmp_path: Path) -> None:
    environ = {"PYWASM_DATA": str(tmp_path / "named"), "XDG_DATA_HOME": str(tmp_path)}
    assert default_data_path(environ) == tmp_path / "named"


def test_the_users_folders_by_the_rules_of_xdg(tmp_path: Path) -> None:
    assert default_data_path({"XDG_DATA_HOME": str(tmp_path)}) == tmp_path / "pywasm"
    assert default_data_path({}) == Path.home() / ".local" / "share" / "pywasm"
    assert default_data_path({"XDG_DATA_HOME": "relative", "PYWASM_DATA": ""}) == default_data_path({})


def test_a_relative_folder_would_depend_on_where_one_is() -> None:
    with pytest.raises(UsageError, match="PYWASM_DATA must be an absolute path, not 'data'"):
        default_data_path({"PYWASM_DATA": "data"})


def test_it_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    data = open_data_folder(tmp_path / "a" / "b")
    assert stat.S_IMODE(data.path.stat().st_mode) == 0o700
    assert open_data_folder(data.path) == data
    inside = [data.code, data.local_state, data.log, data.lock]
    assert all(path.is_relative_to(data.path) for path in inside)
    assert len(set(inside)) == len(inside)


@pytest.mark.parametrize("mode", [0o770, 0o702])
def test_a_folder_that_others_may_write_in_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(StorageError, match=r"others may write in the data folder .* chmod 700"):
        open_data_folder(tmp_path)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, -1)
    with pytest.raises(StorageError, match="belongs to another user; name another one in PYWASM_DATA"):
        open_data_folder(tmp_path)


def test_a_file_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "inside"):
        with pytest.raises(StorageError, match=r"cannot be made: .*; name another one in PYWASM_DATA"):
            open_data_folder(path)
