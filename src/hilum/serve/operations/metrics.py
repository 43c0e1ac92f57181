"""What is counted of the answers, for Prometheus; the counts of all workers are added up."""

from __future__ import annotations

import os
from functools import cache, lru_cache
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from hilum.serve.site import METRICS_FOLDER

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Upper ends of the histogram's classes."""

REMEMBERED_KINDS = 256
"""Kinds of answers whose instruments are not looked for anew."""


class Instruments(NamedTuple):
    """What counts."""

    registry: CollectorRegistry
    requests: Counter
    seconds: Histogram


@cache
def _instruments() -> Instruments:
    registry = CollectorRegistry()
    return Instruments(
        registry,
        Counter("hilum_requests", "Requests answered.", ["route", "method", "status"], registry=registry),
        Histogram(
            "hilum_request_seconds",
            "Seconds to the start of an answer.",
            ["route"],
            buckets=BUCKETS_S,
            registry=registry,
        ),
    )


def count(route: str, method: str, status: int, seconds: float) -> None:
    """Count one answer."""
    requests, duration = _instruments_of(route, method, status)
    requests.inc()
    duration.observe(seconds)


@lru_cache(maxsize=REMEMBERED_KINDS)
def _instruments_of(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    own = _instruments()
    return own.requests.labels(route, method, status), own.seconds.labels(route)


def exposition() -> bytes:
    """Give all counts in the text format of Prometheus."""
    if METRICS_FOLDER not in os.environ:
        return generate_latest(_instruments().registry)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
