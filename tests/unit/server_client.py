"""Talk to the server's application in this process: all requests of a client run in one event loop."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx

from pywasm_runtime.functions.archive import pack_source
from pywasm_runtime.functions.model import FunctionSettings
from pywasm_runtime.server.app import create_app
from pywasm_runtime.server.settings import ServerSettings
from tests.unit.fake_functions import FakeFunctions

Result = TypeVar("Result")
ALICE, BOB, ROOT = "alice-token", "bob-token", "root-token"


class Client:
    def __init__(self, runner: asyncio.Runner, settings: ServerSettings) -> None:
        self._runner = runner
        self.service = FakeFunctions()
        self.app = create_app(self.service, settings)

    def run(self, body: Callable[[httpx.AsyncClient], Awaitable[Result]]) -> Result:
        """Run `body` with a client for several requests at once."""

        async def opened() -> Result:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await body(client)

        return self._runner.run(opened())

    def ask(self, method: str, path: str, token: str | None = ALICE, **options: Any) -> httpx.Response:
        headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **options.pop("headers", {})}
        return self.run(lambda client: client.request(method, path, headers=headers, **options))

    def upload(self, *names: str, user: str = "alice") -> None:
        for name in names:
            archive = pack_source(b"def faasm_main(): pass\n", name)
            self._runner.run(self.service.upload(user, name, archive, FunctionSettings()))


@contextmanager
def opened_client(settings: ServerSettings | None = None) -> Iterator[Client]:
    with asyncio.Runner() as runner:
        yield Client(runner, settings or ServerSettings())


def error_of(response: httpx.Response) -> tuple[int, str, str]:
    """Give status, kind and message of an error."""
    error = response.json()["error"]
    return response.status_code, error["kind"], error["message"]
