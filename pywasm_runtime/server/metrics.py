"""Show numbers to Prometheus. They are read when asked for; nothing is counted twice."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from pywasm_runtime.functions.statistics import BOUNDS_SECONDS, Histogram, Statistics

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SUCCEEDED = "succeeded"


class Metrics:
    """Give the numbers of a service and of its server in Prometheus' text format.

    statistics: gives those of the service. answered: counts requests by method, route and status.
    """

    def __init__(self, statistics: Callable[[], Statistics], answered: Counter[tuple[str, str, int]]) -> None:
        # A registry of its own: the library's global one is shared by all applications of the process.
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Numbers(statistics, answered))

    def text(self) -> bytes:
        """Give all numbers as they are now."""
        return generate_latest(self._registry)


class _Numbers(Collector):
    def __init__(self, statistics: Callable[[], Statistics], answered: Counter[tuple[str, str, int]]) -> None:
        self._statistics = statistics
        self._answered = answered

    def describe(self) -> list[Metric]:
        """Give nothing: registering must not ask the service."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read the numbers."""
        now = self._statistics()
        yield GaugeMetricFamily("pywasm_calls_running", "Calls that run now", now.running)
        yield GaugeMetricFamily("pywasm_calls_waiting", "Calls that wait for a call or a lock", now.waiting)
        yield GaugeMetricFamily("pywasm_calls_queued", "Calls that have not begun", now.queued)
        yield GaugeMetricFamily("pywasm_workers", "Worker processes", len(now.workers))
        yield GaugeMetricFamily("pywasm_sandboxes_ready", "Sandboxes that wait for a call", now.ready)
        yield CounterMetricFamily("pywasm_restarts", "Processes that died and were replaced", now.restarts)
        yield CounterMetricFamily("pywasm_attempts_lost", "Calls begun anew as their worker died", now.attempts_lost)
        ended = CounterMetricFamily("pywasm_calls", "Calls that have ended, by outcome", labels=["outcome"])
        for failure, count in sorted(now.ended.items()):
            ended.add_metric([failure or _SUCCEEDED], count)
        yield ended
        yield _histogram("pywasm_call_sandbox_seconds", "What calls took in the sandbox", now.in_sandbox)
        yield _histogram("pywasm_call_seconds", "What calls took from acceptance to end", now.in_all)
        requests = CounterMetricFamily("pywasm_requests", "Requests answered", labels=["method", "route", "status"])
        for (method, route, status), number in sorted(self._answered.items()):
            requests.add_metric([method, route, str(status)], number)
        yield requests


def rank(ordered: Sequence[float], quantile: float) -> float:
    """Give the smallest of the ordered numbers that so large a part of them does not exceed."""
    return ordered[max(0, math.ceil(quantile * len(ordered)) - 1)]


def _histogram(name: str, text: str, durations: Histogram) -> Metric:
    bounds = [*map(str, BOUNDS_SECONDS), "+Inf"]
    buckets = list(zip(bounds, accumulate(durations.counts), strict=True))
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=durations.total)
