"""What can be downloaded of a cohort or collection, with the address of each form: for pages and for programs."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse

from hilum.serve.downloads.chosen import IS_HERE
from hilum.serve.downloads.manifests import DIALECTS

if TYPE_CHECKING:
    from hilum.serve.downloads.chosen import Chosen


def offer(chosen: Chosen, size: int) -> dict[str, Any]:
    """Tell counts and addresses, of the whole and of each batch.

    Parameters
    ----------
    size
        Participants in a batch.
    """
    here: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    rows = chosen.series.order_by().annotate(is_here=IS_HERE).filter(is_here=True)
    for participant, size_bytes in rows.values_list("study__participant_id", "size_bytes").iterator():
        here[participant][0] += 1
        here[participant][1] += size_bytes
    batches = []
    for batch in chosen.batches(size):
        counts = [here[participant] for participant in batch.participants if participant in here]
        batches.append(
            {
                "batch": batch.number,
                "participants": len(batch.participants),
                "series": sum(series for series, _ in counts),
                "size_bytes": sum(size_bytes for _, size_bytes in counts),
                **_addresses(chosen, {"batch": batch.number, "batch_size": batch.size}),
            }
        )
    return {
        "kind": chosen.kind,
        "name": chosen.name,
        "title": chosen.title,
        **chosen.counts(),
        "closed": chosen.closed_count,
        **_addresses(chosen, {}),
        "batch_size": size,
        "batches": batches,
    }


def _addresses(chosen: Chosen, parameters: dict[str, int]) -> dict[str, Any]:
    query = f"?{urlencode(parameters)}" if parameters else ""
    named = {"name": chosen.name}
    return {
        "zip": reverse(f"download-{chosen.kind}-zip", kwargs=named) + query,
        "manifests": {
            dialect.value: reverse(f"download-{chosen.kind}-manifest", kwargs=named | {"file_name": file_name}) + query
            for file_name, dialect in DIALECTS.items()
        },
    }
