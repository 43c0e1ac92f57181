"""Whatever is written is read again: any voxels on any grid, any points with any names."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.findings.formats import format_named, read_findings, write_findings
from hilum.model.findings import FindingSet, Lesion
from hilum.model.geometry import Geometry
from hilum.model.masks import LabelMask, Segment
from hilum.volume.axes import axial_grid

SIZES = st.integers(1, 4)
STEPS_MM = st.floats(0.25, 5)
PLACES_MM = st.floats(-1000, 1000)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=12)
TURNS = [
    np.eye(3)[:, order] * signs for order in ([2, 1, 0], [0, 2, 1], [1, 0, 2]) for signs in ([1, 1, 1], [-1, 1, -1])
]
"""Axes of volumes stored axial, coronal and sagittal, straight and turned round."""


@st.composite
def masks(draw: st.DrawFn) -> LabelMask:
    """Masks of one to three layers on grids of any direction, each label in one of them."""
    shape = draw(st.tuples(SIZES, SIZES, SIZES))
    spacing, origin = draw(st.tuples(STEPS_MM, STEPS_MM, STEPS_MM)), draw(st.tuples(PLACES_MM, PLACES_MM, PLACES_MM))
    grid = Geometry(shape, spacing, origin, tuple(map(tuple, draw(st.sampled_from(TURNS)).tolist())))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    step = draw(st.sampled_from([1, 100, 10_000]))
    values = [random.integers(0, 3, shape) for _ in range(draw(st.integers(1, 3)))]
    layers = [np.where(one, (3 * one + number) * step, 0).astype(np.uint32) for number, one in enumerate(values)]
    segments = {label: Segment(draw(TEXTS)) for layer in layers for label in np.unique(layer).tolist() if label}
    return LabelMask(layers[0], grid, segments, tuple(layers[1:]))


def sent_and_found(name: str, findings: FindingSet) -> FindingSet:
    form = format_named(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{form.suffixes[0]}"
        write_findings(path, findings)
        return read_findings(path)


@settings(deadline=None, max_examples=25)
@given(masks())
def test_segmentations_keep_every_voxel_and_name(mask: LabelMask) -> None:
    found = sent_and_found("seg.nrrd", FindingSet("a", mask=mask)).mask
    assert found is not None
    assert found.geometry.is_close(axial_grid(mask.labels, mask.geometry)[1], 1e-9)
    for label in sorted(mask.present):
        parts = [np.any([layer == label for layer in one.layers], axis=0) for one in (mask, found)]
        assert np.array_equal(axial_grid(parts[0], mask.geometry)[0], parts[1])
        assert found.segments[label].name == mask.segments[label].name


@settings(deadline=None, max_examples=25)
@given(masks(), st.sampled_from(["nifti", "nrrd"]))
def test_label_images_keep_every_voxel(mask: LabelMask, name: str) -> None:
    found = sent_and_found(name, FindingSet("a", mask=LabelMask(mask.labels, mask.geometry))).mask
    assert found is not None
    labels, geometry = axial_grid(mask.labels, mask.geometry)
    assert np.array_equal(found.labels, labels)
    assert found.geometry.is_close(geometry, 1e-3)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(PLACES_MM, PLACES_MM, PLACES_MM, TEXTS, TEXTS), max_size=5),
    st.sampled_from(["mrk.json", "fcsv"]),
)
def test_points_keep_place_name_and_label(points: list[tuple[float, float, float, str, str]], name: str) -> None:
    lesions = tuple(
        Lesion("a", f"{number} {' '.join(words.split())}".strip(), (x, y, z), label=" ".join(label.split()))
        for number, (x, y, z, words, label) in enumerate(points)
    )
    found = sent_and_found(name, FindingSet("a", lesions=lesions)).lesions
    assert [(one.lesion_id, one.label) for one in found] == [(one.lesion_id, one.label) for one in lesions]
    assert [one.position_mm for one in found] == [pytest.approx(one.position_mm, abs=1e-12) for one in lesions]
