"""What is counted of the answers, for Prometheus; the counts of all workers are added up."""

from __future__ import annotations

import os
from functools import cache
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from hilum.serve.site import METRICS_FOLDER

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Upper ends of the histogram's classes."""


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
    own = _instruments()
    own.requests.labels(route, method, status).inc()
    own.seconds.labels(route).observe(seconds)


def exposition() -> bytes:
    """Give all counts in the text format of Prometheus."""
    if METRICS_FOLDER not in os.environ:
        return generate_latest(_instruments().registry)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
