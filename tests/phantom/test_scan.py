from __future__ import annotations

import hashlib

import numpy as np
import pytest

from hilum.phantom.scan import Scan, ScanPlan, make_scan

PLAN = ScanPlan(seed=1, number=1, regions=("MED",))


@pytest.fixture(scope="module")
def scan() -> Scan:
    return make_scan(PLAN)


def test_the_same_plan_gives_the_same_voxels_on_every_machine(scan: Scan) -> None:
    digest = hashlib.sha256(np.ascontiguousarray(scan.hu, dtype="<i2").tobytes()).hexdigest()
    assert digest[:16] == "548b5a12bc843dc7", "the phantom has changed, or this machine rounds otherwise"


def test_a_scan_shows_air_lung_fat_soft_tissue_and_bone(scan: Scan) -> None:
    shares = [np.mean((scan.hu >= low) & (scan.hu < high)) for low, high in HU_CLASSES]
    assert all(share > least for share, least in zip(shares, (0.3, 0.05, 0.05, 0.1, 0.005), strict=True))


HU_CLASSES = ((-1100, -930), (-930, -780), (-160, -50), (20, 120), (300, 3072))
"""Air round the body, lung, fat, soft tissue, bone."""


def test_nodes_are_where_they_are_said_to_be(scan: Scan) -> None:
    for node, centre in ((node, scan.centre_mm(node)) for node in scan.nodes["MED"]):
        assert np.allclose(scan.geometry.to_voxels(centre), node.index, atol=1e-9)
        slice_, row, column = node.index
        around = scan.hu[slice_ - 1 : slice_ + 2, row - 1 : row + 2, column - 1 : column + 2]
        assert abs(float(around.mean()) - node.hu) < 80
        assert scan.labels["MED"][node.index] > 0


def test_each_node_has_its_label_and_nothing_else_has_one(scan: Scan) -> None:
    labels = scan.labels["MED"]
    at_nodes = sorted(int(labels[node.index]) for node in scan.nodes["MED"])
    assert at_nodes == list(range(1, len(scan.nodes["MED"]) + 1)) == sorted(np.unique(labels[labels > 0]).tolist())


def test_a_scan_of_chest_and_abdomen_has_nodes_of_both() -> None:
    both = make_scan(ScanPlan(seed=1, number=0, regions=("MED", "ABD")))
    assert both.hu.shape[0] == 140
    chest = [scan_z for scan_z, _, _ in (node.index for node in both.nodes["MED"])]
    abdomen = [scan_z for scan_z, _, _ in (node.index for node in both.nodes["ABD"])]
    assert chest
    assert abdomen
    assert min(chest) > max(abdomen)


def test_a_body_can_be_without_large_nodes() -> None:
    scan = make_scan(ScanPlan(seed=1, number=5, regions=("ABD",), has_large_nodes=False))
    assert all(node.short_axis_mm < 10 for node in scan.nodes["ABD"])
