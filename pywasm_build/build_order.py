"""Put things that need each other into an order in which they can be made, and find the circles among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


def build_order(needs: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return the names in groups: what a group needs is in it or in an earlier one.

    needs: for each name what it needs; what is no key itself is left out. A group of more than one is a circle.
    """
    search = _Search(needs=needs)
    for name in needs:
        if name not in search.index:
            search.visit(name)
    return search.groups


@dataclass(kw_only=True)
class _Search:
    """Tarjan's search for strongly connected components; not recursive, for a chain may be longer than the stack."""

    needs: Mapping[str, Sequence[str]]
    index: dict[str, int] = field(default_factory=dict)
    lowest: dict[str, int] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    groups: list[list[str]] = field(default_factory=list)

    def visit(self, start: str) -> None:
        """Put all that `start` needs, then itself, into groups."""
        path = [(start, self._enter(start))]
        while path:
            name, left = path[-1]
            if left:
                other = left.pop(0)
                if other not in self.index:
                    path.append((other, self._enter(other)))
                elif other in self.open:
                    self.lowest[name] = min(self.lowest[name], self.index[other])
            else:
                path.pop()
                self._leave(name, path[-1][0] if path else None)

    def _enter(self, name: str) -> list[str]:
        self.index[name] = self.lowest[name] = len(self.index)
        self.open.append(name)
        return [other for other in self.needs[name] if other in self.needs]

    def _leave(self, name: str, parent: str | None) -> None:
        if parent is not None:
            self.lowest[parent] = min(self.lowest[parent], self.lowest[name])
        if self.lowest[name] == self.index[name]:
            first = self.open.index(name)
            self.groups.append(self.open[first:])
            del self.open[first:]
