"""Keep prepared sandboxes in a worker, so that the next call of a function starts at once."""

from collections.abc import Callable

from pywasm_runtime.functions.sandbox_interface import SandboxLike


class ReadySandboxes:
    """Hold prepared sandboxes by their function's key: as many as are `wanted`, and one of whatever ran last."""

    def __init__(self, prepare: Callable[[str], SandboxLike]) -> None:
        self._prepare = prepare
        self._wanted: dict[str, int] = {}
        self._stock: dict[str, list[SandboxLike]] = {}

    def want(self, function: str, count: int) -> None:
        """Say how many of a function's are to be kept, whatever ran last."""
        if count > 0:
            self._wanted[function] = count
        else:
            self._wanted.pop(function, None)

    def has(self, function: str) -> bool:
        """Tell whether the next `take` costs no time."""
        return bool(self._stock.get(function))

    def take(self, function: str) -> SandboxLike:
        """Give a sandbox for one call, and keep no longer what is not wanted; raises what preparing one raises."""
        stock = self._stock.get(function)
        sandbox = stock.pop() if stock else None
        for other in [other for other in self._stock if other != function and other not in self._wanted]:
            self._close(self._stock.pop(other))
        return sandbox if sandbox is not None else self._prepare(function)

    def refill(self, function: str | None, ahead: int) -> None:
        """Prepare what is missing; of `function`, which ran last, at least `ahead`."""
        targets = dict(self._wanted)
        if function is not None:
            targets[function] = max(targets.get(function, 0), ahead)
        for name, count in targets.items():
            stock = self._stock.setdefault(name, [])
            while len(stock) > count:
                stock.pop().close()
            while len(stock) < count:
                stock.append(self._prepare(name))
        for name in [name for name in self._stock if name not in targets]:
            self._close(self._stock.pop(name))

    def counts(self) -> dict[str, int]:
        """Count what is ready, by function."""
        return {name: len(stock) for name, stock in self._stock.items() if stock}

    def close(self) -> None:
        """Close all."""
        for stock in self._stock.values():
            self._close(stock)
        self._stock.clear()

    def _close(self, stock: list[SandboxLike]) -> None:
        for sandbox in stock:
            sandbox.close()
