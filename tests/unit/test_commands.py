from __future__ import annotations

import asyncio
import io
from dataclasses import replace
from pathlib import Path

import pytest

from pywasm_runtime.errors import UsageError
from pywasm_runtime.functions import commands
from pywasm_runtime.functions.data_folder import DataFolder
from pywasm_runtime.functions.errors import FunctionError, InvalidName, LimitExceeded, NotFound, UploadRefused
from pywasm_runtime.functions.model import Call, CallRequest, CallState, FunctionSettings, Limits, Outcome
from pywasm_runtime.functions.runner_lock import running_queued_calls
from pywasm_runtime.functions.service import FunctionService
from tests.unit.service_world import SOURCE, settings, source, with_service

DEFAULTS = FunctionSettings()
CALL = CallRequest(user="ann", function="hello", input=b"a\0b")


class Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


async def ended_call(service: FunctionService, entry: str = "faasm_main") -> Call:
    await service.upload("ann", "hello", source())
    return await service.invoke(replace(CALL, entry=entry))


def test_who_uploads() -> None:
    assert commands.user_name("", {}) == "local"
    assert commands.user_name("", {"PYWASM_USER": "ann"}) == "ann"
    assert commands.user_name("bob", {"PYWASM_USER": "ann"}) == "bob"
    with pytest.raises(InvalidName):
        commands.user_name("../bob", {})


def test_options_of_an_upload() -> None:
    assert commands.function_settings() == DEFAULTS
    chosen = commands.function_settings(
        entry="run", limits="memory=64MiB,wall=5", env=["A=1", "B=x=y", "C="], config=["a/b=c"]
    )
    assert chosen.limits == Limits(memory_bytes=64 << 20, wall_seconds=5.0)
    assert (chosen.entry, chosen.config) == ("run", {"a/b": "c"})
    assert chosen.environment == {"A": "1", "B": "x=y", "C": ""}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"env": ["A"]}, "--env 'A': write --env NAME=VALUE"),
        ({"env": ["=x"]}, "write --env NAME=VALUE"),
        ({"config": ["a=1", "a=2"]}, "--config a is given twice"),
        ({"env": ["a-b=1"]}, "cannot name an environment variable"),
        ({"limits": "memry=1"}, "did you mean 'memory'"),
        ({"entry": "a.b"}, "cannot be an entry"),
    ],
)
def test_options_that_are_wrong(options: dict[str, object], words: str) -> None:
    with pytest.raises((UsageError, FunctionError)) as caught:
        commands.function_settings(**options)  # type: ignore[arg-type]
    assert words in str(caught.value)


def test_uploading_a_file_and_a_folder(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_bytes(SOURCE)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "main.py").write_bytes(SOURCE)
    (tmp_path / "two" / "requirements.txt").write_text("numpy\n")

    async def body(service: FunctionService) -> None:
        for name in ("one.py", "two"):
            version = await commands.upload(service, "ann", "hello", tmp_path / name, DEFAULTS)
        assert version.version == 2
        with pytest.raises(UploadRefused, match="cannot be read"):
            await commands.upload(service, "ann", "hello", tmp_path / "none.py", DEFAULTS)

    with_service(tmp_path, body)


def test_uploading_all_goes_on_after_a_refusal(tmp_path: Path) -> None:
    local = tmp_path / "local"
    (local / "folder").mkdir(parents=True)
    (local / "folder" / "main.py").write_bytes(SOURCE)
    for name in ("a.py", "z.py", "test_a.py", "conftest.py", "_private.py", ".hidden.py", "README.md"):
        (local / name).write_bytes(SOURCE)
    (local / "broken.py").write_bytes(b"def (")
    (local / "a name.py").write_bytes(SOURCE)
    (local / "__pycache__").mkdir()
    (local / "tests").mkdir()
    done = with_service(tmp_path, lambda service: commands.upload_all(service, "ann", local, DEFAULTS))
    assert [(one.name, one.version is not None) for one in done] == [
        ("a name", False),
        ("a", True),
        ("broken", False),
        ("folder", True),
        ("z", True),
    ]
    assert "error: 'a name' is not accepted" in done[0].error
    assert (
        done[2].error
        == "  File broken.py\nSyntaxError\nerror: broken.py cannot be imported: SyntaxError: invalid syntax"
    )


@pytest.mark.parametrize("name", ["none", "file.py", "empty"])
def test_a_folder_without_functions(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.py").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="--local"):
        commands.functions_in(tmp_path / name)


def test_what_there_is_to_know_of_a_function(tmp_path: Path) -> None:
    async def body(service: FunctionService) -> None:
        with pytest.raises(NotFound):
            await commands.overview(service, "ann", "hello")
        await service.upload("ann", "other", source("other"))
        await service.invoke(CallRequest(user="ann", function="other"))
        calls = [await ended_call(service) for _ in range(commands.MAX_SHOWN_CALLS + 1)]
        seen = await commands.overview(service, "ann", "hello")
        assert [version.version for version in seen.versions] == [1]
        assert [call.id for call in seen.calls] == [call.id for call in calls[:0:-1]]

    with_service(tmp_path, body)


def test_a_process_is_started_for_a_queued_call_unless_there_is_one(tmp_path: Path) -> None:
    started: list[DataFolder] = []

    async def body(service: FunctionService) -> None:
        await service.upload("ann", "hello", source())
        data = service.settings.data
        with running_queued_calls(data):
            await commands.submit(service, CALL, started.append)
        assert started == []
        await commands.submit(service, CALL, started.append)
        assert started == [data]

    with_service(tmp_path, body)


def test_a_call_that_is_refused_starts_nothing(tmp_path: Path) -> None:
    def start(data: DataFolder) -> None:
        raise AssertionError(data)

    with pytest.raises(NotFound):
        with_service(tmp_path, lambda service: commands.submit(service, CALL, start))


def test_a_queued_call_that_nobody_runs(tmp_path: Path) -> None:
    with_service(tmp_path, lambda service: service.upload("ann", "hello", source()))

    async def body(service: FunctionService) -> None:
        call = await service.submit(CALL)
        data = service.settings.data
        text = await commands.status(service, "ann", call.id, call.created + 2)
        assert text.endswith("queued for 2.0 s\nno process runs the queued calls: start one with bin/inv serve")
        data.log.parent.mkdir()
        data.log.touch()
        assert str(data.log) in await commands.status(service, "ann", call.id, call.created)
        with running_queued_calls(data):
            assert "no process" not in await commands.status(service, "ann", call.id, call.created)
        with pytest.raises(NotFound):
            await commands.status(service, "bob", call.id, 0)

    with_service(tmp_path, body)


def test_where_the_input_comes_from(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\0\xff")
    assert commands.read_input("", "", io.BytesIO(b"unread")) == b""
    assert commands.read_input("é", "", io.BytesIO()) == b"\xc3\xa9"
    assert commands.read_input("\udcff", "", io.BytesIO()) == b"\xff"
    assert commands.read_input("", str(tmp_path / "file"), io.BytesIO()) == b"\0\xff"
    assert commands.read_input("", "-", io.BytesIO(b"\0piped")) == b"\0piped"
    with pytest.raises(UsageError):
        commands.read_input("a", "-", io.BytesIO())
    with pytest.raises(FileNotFoundError):
        commands.read_input("", str(tmp_path / "none"), io.BytesIO())


def test_an_endless_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "MAX_INPUT_BYTES", 1000)
    with pytest.raises(LimitExceeded, match="more than 1000 bytes"):
        commands.read_input("", "/dev/zero", io.BytesIO())


def test_the_output_is_given_byte_by_byte(tmp_path: Path) -> None:
    stdout = io.BytesIO()
    call = with_service(tmp_path, ended_call)
    commands.give_output(call, stdout)
    assert stdout.getvalue() == b"a\0b"
    commands.give_output(call, stdout, str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == b"a\0b"
    assert stdout.getvalue() == b"a\0b"
    commands.give_output(replace(call, outcome=None), stdout)
    assert stdout.getvalue() == b"a\0b"


def test_logs_are_given_as_they_are_but_to_a_terminal(tmp_path: Path) -> None:
    call = replace(with_service(tmp_path, ended_call), outcome=Outcome(stdout=b"\x1b[2J", stderr=b"\xff"))
    plain, terminal = (io.BytesIO(), io.BytesIO()), (Terminal(), Terminal())
    commands.give_logs(call, *plain)
    assert [stream.getvalue() for stream in plain] == [b"\x1b[2J", b"\xff"]
    commands.give_logs(call, *terminal)
    assert [stream.getvalue().decode() for stream in terminal] == ["�[2J\n", "�\n"]
    commands.give_logs(replace(call, outcome=None), *plain)


def test_how_a_call_ended(tmp_path: Path) -> None:
    call = with_service(tmp_path, ended_call)
    assert commands.ended(call) == ""
    assert commands.costs(call) == "ann/hello@1 faasm_main: 12 ms, CPU 0.00 ms, memory 3.0 MiB, output 3 B"
    running = replace(call, state=CallState.RUNNING, outcome=None)
    assert commands.ended(running).endswith("has not ended: it is running")
    assert commands.costs(running) == ""
    failed = with_service(tmp_path, lambda service: ended_call(service, "fail"))
    assert commands.ended(failed).endswith("ann/hello@1 fail failed (exception): ValueError: no �[2J")


def test_the_service_of_the_users_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = settings(tmp_path)
    (made.root.folder / "usr" / "bin").mkdir()
    (made.root.folder / "usr" / "bin" / "python3.99.wasm").touch()
    monkeypatch.setenv("PYWASM_DATA", str(tmp_path / "other"))
    monkeypatch.setenv("PYWASM_RUNTIME", str(made.root.folder))

    async def run() -> None:
        async with commands.local_service() as service:
            assert service.settings.data.path == tmp_path / "other"
            assert not service.settings.adopt
            assert await service.functions("ann") == []

    asyncio.run(run())
