"""Pickle objects, of this module's classes too, here and in a chained call."""

import pickle
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pywasm_host as host


@dataclass
class Order:
    """Be an object with others in it."""

    number: int
    items: dict[str, int] = field(default_factory=dict)
    placed: datetime = datetime(2024, 2, 29, tzinfo=UTC)


def faasm_main() -> None:
    """Pickle with every protocol, and have a chained call change an object."""
    order = Order(7, {"egg": 12, "\0": 1})
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        if pickle.loads(pickle.dumps(order, protocol)) != order:
            raise ValueError(f"the object is another after pickling with protocol {protocol}")
    changed = pickle.loads(host.chain(doubled, pickle.dumps(order)).output())
    if changed != Order(7, {"egg": 24, "\0": 2}):
        raise ValueError(f"the chained call made {changed}")
    host.write_output_text(str(changed.items["egg"]))


def doubled() -> None:
    """Write the order with each item twice."""
    order: Order = host.read_input_pickle()
    order.items = {name: 2 * count for name, count in order.items.items()}
    host.write_output_pickle(order)
