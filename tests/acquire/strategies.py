"""Series for Hypothesis, as archives have them."""

from __future__ import annotations

from uuid import UUID

from hypothesis import strategies as st

from hilum.acquire.wanted import WantedSeries

uids = st.lists(st.integers(0, 10**12), min_size=3, max_size=4).map(lambda parts: "1.2." + ".".join(map(str, parts)))
uuids = st.integers(0, 2**128 - 1).map(lambda number: str(UUID(int=number)))
identifiers = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12).filter(
    lambda text: text not in {"null", "None", "nan", "NaN"}
)
counts = st.none() | st.integers(0, 10**9)


@st.composite
def series(draw: st.DrawFn) -> WantedSeries:
    """A series of IDC, of which all is known."""
    uuid = draw(uuids)
    bucket = draw(st.sampled_from(["idc-open-data", "idc-open-data-two", "idc-open-data-cr"]))
    return WantedSeries(
        collection_id=draw(st.sampled_from(["nlst", "ct_lymph_nodes"])),
        participant_id=draw(identifiers),
        study_uid=draw(uids),
        series_uid=draw(uids),
        modality=draw(st.sampled_from(["CT", "SEG", "SR"])),
        instance_count=draw(counts),
        size_bytes=draw(counts),
        licence=draw(st.none() | st.sampled_from(["CC BY 3.0", "CC BY-NC 4.0", 'with, "comma"'])),
        location=f"s3://{bucket}/{uuid}/",
        attributes={"crdc_series_uuid": uuid},
    )


cohorts = st.lists(series(), min_size=1, max_size=20, unique_by=(lambda one: one.series_uid, lambda one: one.location))
