from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from pywasm_runtime.functions.errors import Busy, InvalidName, LimitExceeded, NotFound, UploadRefused
from pywasm_runtime.functions.model import Call, CallRequest, CallState, Failure
from pywasm_runtime.functions.runner_lock import has_runner
from pywasm_runtime.functions.service import FunctionService, ServiceSettings
from pywasm_runtime.storage import StorageThread
from tests.unit.fake_workers import FakeOpener, FakeWorkers
from tests.unit.service_world import settings, source, with_service

CALL = CallRequest(user="ann", function="hello", input=b"a\0b")


async def uploaded(service: FunctionService, user: str = "ann", name: str = "hello") -> None:
    await service.upload(user, name, source(name))


def test_a_call_that_is_waited_for(tmp_path: Path) -> None:
    async def body(service: FunctionService) -> Call:
        await uploaded(service)
        return await service.invoke(CALL)

    call = with_service(tmp_path, body)
    assert (call.state, call.version, call.entry) == (CallState.SUCCEEDED, 1, "faasm_main")
    assert call.outcome is not None
    assert call.outcome.output == b"a\0b"


def test_a_call_that_fails(tmp_path: Path) -> None:
    async def body(service: FunctionService) -> Call:
        await uploaded(service)
        return await service.invoke(CallRequest(user="ann", function="hello", entry="fail"))

    call = with_service(tmp_path, body)
    assert call.state is CallState.FAILED
    assert call.outcome is not None
    assert (call.outcome.failure, call.outcome.output) == (Failure.EXCEPTION, b"partly")


def test_a_call_is_accepted_and_fetched_later(tmp_path: Path) -> None:
    async def submit(service: FunctionService) -> Call:
        await uploaded(service)
        call = await service.submit(CALL)
        assert call.state is CallState.QUEUED
        return call

    accepted = with_service(tmp_path, submit)
    ended = with_service(tmp_path, lambda service: service.wait(accepted.id))
    assert ended.state is CallState.SUCCEEDED
    opener = FakeOpener()
    assert with_service(tmp_path, lambda service: service.wait(accepted.id), opener=opener) == ended
    assert opener.opened == [], "what has ended needs no workers"


def test_waiting_for_a_while(tmp_path: Path) -> None:
    opener = FakeOpener()

    async def body(service: FunctionService) -> None:
        await uploaded(service)
        call = await service.submit(CallRequest(user="ann", function="hello", entry="slow"))
        before = await service.wait(call.id, 0.05)
        assert before.state is CallState.RUNNING
        assert before.outcome is None
        assert service.statistics().running == 1
        opener.opened[0].gate.set()
        assert (await service.wait(call.id, 30)).state is CallState.SUCCEEDED

    with_service(tmp_path, body, opener=opener)


def test_who_goes_away_does_not_end_the_call(tmp_path: Path) -> None:
    opener = FakeOpener()

    async def body(service: FunctionService) -> Call:
        await uploaded(service)
        call = await service.submit(CallRequest(user="ann", function="hello", entry="slow"))
        for seconds in (None, 30):
            waiter = asyncio.ensure_future(service.wait(call.id, seconds))
            await asyncio.sleep(0.05)
            waiter.cancel()
            with suppress(asyncio.CancelledError):
                await waiter
        opener.opened[0].gate.set()
        return await service.wait(call.id)

    call = with_service(tmp_path, body, opener=opener)
    assert (call.state, call.attempt) == (CallState.SUCCEEDED, 1)


def test_too_many_queued_calls(tmp_path: Path) -> None:
    opener = FakeOpener()
    with_service(tmp_path, uploaded)

    async def body(service: FunctionService) -> None:
        for _ in range(2):
            await service.submit(CALL)
        with pytest.raises(Busy, match="2 calls are queued already") as caught:
            await service.submit(CALL)
        assert caught.value.retry_after > 0

    with_service(tmp_path, body, queue_limit=2, opener=opener)
    assert opener.opened == [], "a call that nobody waits for is only kept"


def test_nothing_is_accepted_after_the_shutdown_began(tmp_path: Path) -> None:
    opener = FakeOpener()

    async def body(service: FunctionService) -> None:
        await uploaded(service)
        await service.drain(3.5)
        for begin in (service.submit, service.invoke):
            with pytest.raises(Busy, match="shutting down"):
                await begin(CALL)

    with_service(tmp_path, body, opener=opener)
    assert opener.opened[0].drained == [3.5]


def test_workers_are_started_once_and_only_if_needed(tmp_path: Path) -> None:
    opener = FakeOpener()

    async def body(service: FunctionService) -> None:
        with pytest.raises(NotFound):
            await service.invoke(CALL)
        with pytest.raises(UploadRefused):
            await service.upload("ann", "hello", b"")
        assert opener.opened == []
        await asyncio.gather(*(uploaded(service, name=f"f{number}") for number in range(5)))

    with_service(tmp_path, body, opener=opener)
    assert (len(opener.opened), opener.closed) == (1, 1)


@pytest.mark.parametrize(("seconds", "messages"), [(0.0, 0), (0.3, 1)])
def test_a_slow_start_is_explained(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, seconds: float, messages: int
) -> None:
    class Slow(FakeOpener):
        @asynccontextmanager
        async def __call__(self, settings: ServiceSettings, storage: StorageThread) -> AsyncIterator[FakeWorkers]:
            await asyncio.sleep(seconds)
            async with super().__call__(settings, storage) as workers:
                yield workers

    async def body() -> None:
        async with FunctionService(settings(tmp_path), open_workers=Slow(), patience_seconds=0.1) as service:
            await uploaded(service)

    asyncio.run(body())
    assert len(caplog.messages) == messages
    assert all("only the first time" in message for message in caplog.messages)


def test_who_runs_all_queued_calls_says_so(tmp_path: Path) -> None:
    data, opener = settings(tmp_path).data, FakeOpener()

    async def body(service: FunctionService) -> None:
        assert len(opener.opened) == 1
        assert has_runner(data)

    with_service(tmp_path, body, opener=opener, adopt=True)
    assert not has_runner(data)
    with_service(tmp_path, lambda service: service.counts())
    assert not has_runner(data)


def test_workers_that_cannot_be_started_leave_nothing_open(tmp_path: Path) -> None:
    class Broken(FakeOpener):
        def __call__(self, *arguments: object) -> NoReturn:
            raise NotFound("no runtime root")

    for adopt in (True, False):
        with pytest.raises(NotFound, match="no runtime root"):
            with_service(tmp_path, uploaded, opener=Broken(), adopt=adopt)
    assert not has_runner(settings(tmp_path).data)


def test_old_calls_are_removed_by_who_runs_the_queued_ones(tmp_path: Path) -> None:
    opener = FakeOpener()

    async def made(service: FunctionService) -> Call:
        await uploaded(service)
        return await service.invoke(CALL)

    async def kept(keep_seconds: float, *, adopt: bool) -> int:
        chosen = replace(settings(tmp_path, adopt=adopt), keep_seconds=keep_seconds)
        async with FunctionService(chosen, open_workers=opener) as service:
            await asyncio.sleep(0.05)
            return (await service.counts())[CallState.SUCCEEDED]

    with_service(tmp_path, made)
    assert asyncio.run(kept(0.0, adopt=False)) == 1
    assert asyncio.run(kept(3600.0, adopt=True)) == 1
    assert asyncio.run(kept(0.0, adopt=True)) == 0


def test_versions_and_rolling_back(tmp_path: Path) -> None:
    async def body(service: FunctionService) -> None:
        await uploaded(service)
        await service.upload("ann", "hello", source(code=b"def faasm_main(): pass"))
        await uploaded(service, name="other")
        await uploaded(service, user="bob")
        assert [version.name for version in await service.functions("ann")] == ["hello", "other"]
        assert [version.version for version in await service.versions("ann", "hello")] == [2, 1]
        assert (await service.roll_back("ann", "hello", 1)).version == 1
        assert (await service.function("ann", "hello")).version == 1
        assert (await service.function("ann", "hello", 2)).version == 2
        assert (await service.invoke(CALL)).version == 1
        await service.delete("ann", "hello")
        with pytest.raises(NotFound):
            await service.invoke(CALL)
        assert (await service.function("bob", "hello")).version == 1

    with_service(tmp_path, body)


def test_a_user_sees_no_call_of_another(tmp_path: Path) -> None:
    async def body(service: FunctionService) -> None:
        await uploaded(service)
        await uploaded(service, user="bob")
        call = await service.invoke(CALL)
        await service.invoke(CallRequest(user="bob", function="hello"))
        assert (await service.call("ann", call.id)).id == call.id
        with pytest.raises(NotFound):
            await service.call("bob", call.id)
        assert [one.user for one in await service.recent("ann", 10)] == ["ann"]
        assert [one.user for one in await service.recent(None, 10)] == ["bob", "ann"]
        assert (await service.counts())[CallState.SUCCEEDED] == 2

    with_service(tmp_path, body)


def test_state_of_the_global_tier(tmp_path: Path) -> None:
    async def body(service: FunctionService) -> None:
        with pytest.raises(NotFound):
            await service.read_state("ann", "a/../b")
        await service.write_state("ann", "a/../b", b"long\0value")
        await service.write_state("ann", "a/../b", b"x")
        assert await service.read_state("ann", "a/../b") == b"x"
        with pytest.raises(NotFound):
            await service.read_state("bob", "a/../b")
        with pytest.raises(InvalidName):
            await service.write_state("ann", "a\0b", b"")
        with pytest.raises(LimitExceeded):
            await service.write_state("ann", "large", b"x" * (service.settings.state_bytes + 1))
        await service.delete_state("ann", "a/../b")
        with pytest.raises(NotFound, match="has no value"):
            await service.delete_state("ann", "a/../b")

    with_service(tmp_path, body)


def test_users_and_tokens(tmp_path: Path) -> None:
    async def body(service: FunctionService) -> None:
        token = await service.add_user("ann")
        user = await service.authenticate(token)
        assert user is not None
        assert (user.name, user.admin) == ("ann", False)
        with pytest.raises(InvalidName):
            await service.add_user("ann")
        second = await service.add_user("ann", admin=True, renew=True)
        assert await service.authenticate(token) is None
        assert [one.admin for one in await service.users()] == [True]
        assert await service.authenticate(second) is not None
        assert await service.authenticate("") is None

    with_service(tmp_path, body)
