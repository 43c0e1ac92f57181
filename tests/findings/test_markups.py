"""Markups and fiducial lists as 3D Slicer itself writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hilum.errors import FormatError
from hilum.findings import read_lesions
from hilum.findings.formats import read_findings, write_findings
from hilum.model.findings import FindingSet, Lesion

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)
FCSV_4_6 = """# Markups fiducial file version = 4.6
# CoordinateSystem = 0
# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID
vtkMRMLMarkupsFiducialNode_0,10.5,-20.25,30,0,0,0,1,1,1,0,F-1,,vtkMRMLScalarVolumeNode1
vtkMRMLMarkupsFiducialNode_1,1,2,3,0,0,0,1,1,1,0,"node, left","big, round",
"""
FCSV_5 = """# Markups fiducial file version = 5.2
# CoordinateSystem = LPS
# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID
1,-10.5,20.25,30,0,0,0,1,1,1,0,F-1,,vtkMRMLScalarVolumeNode1,2,0
2,-1,-2,3,0,0,0,1,1,1,0,"node, left","big, round",,2,0
"""


def markups(path: Path, *found: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"@schema": SCHEMA, "markups": found}))
    return path


def fiducials(*points: dict[str, Any], system: str = "LPS") -> dict[str, Any]:
    return {"type": "Fiducial", "coordinateSystem": system, "coordinateUnits": "mm", "controlPoints": list(points)}


def point(label: str, *position: float, **more: Any) -> dict[str, Any]:
    return {"id": "1", "label": label, "description": "", "position": list(position), **more}


def line(name: str, *ends: list[float]) -> dict[str, Any]:
    return {"type": "Line", "name": name, "controlPoints": [{"position": end} for end in ends]}


@pytest.mark.parametrize("text", [FCSV_4_6, FCSV_5])
def test_fiducial_lists_of_both_versions_are_the_same_points(tmp_path: Path, text: str) -> None:
    path = tmp_path / "P1.fcsv"
    path.write_text(text)
    found = read_findings(path)
    assert found.exam_id == "P1"
    assert [(one.lesion_id, one.label, one.position_mm) for one in found.lesions] == [
        ("F-1", "", (-10.5, 20.25, 30)),
        ("node, left", "big, round", (-1, -2, 3)),
    ]
    assert read_lesions(path).lesions == found.lesions


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (("# CoordinateSystem = 0", "# CoordinateSystem = 7"), "CoordinateSystem '7'; expected .* LPS, RAS"),
        (("# CoordinateSystem = 0", ""), "CoordinateSystem None"),
        (("= id,x,y,z", "= id,x,y,height"), "no column z"),
        (("_1,1,2,3,", "_1,1,2\n"), r"P1\.fcsv:5: 3 values"),
        (("30,", "nan,"), r"P1\.fcsv:4: z: found 'nan'"),
    ],
)
def test_malformed_fiducial_lists_are_refused(tmp_path: Path, changed: tuple[str, str], message: str) -> None:
    path = tmp_path / "P1.fcsv"
    path.write_text(FCSV_4_6.replace(*changed))
    with pytest.raises(FormatError, match=message):
        read_findings(path)


def test_ras_is_turned_to_lps(tmp_path: Path) -> None:
    path = markups(
        tmp_path / "P1.mrk.json", fiducials(point("a", 1, 2, 3), system="RAS"), fiducials(point("b", 0, 0, 5))
    )
    found = read_findings(path)
    assert found.exam_id == "P1"
    assert [(one.lesion_id, one.position_mm) for one in found.lesions] == [("a", (-1, -2, 3)), ("b", (0, 0, 5))]
    assert str(found.lesions[1].position_mm[0]) == "0.0"


def test_lines_are_axes_of_their_point_or_lesions_of_their_own(tmp_path: Path) -> None:
    path = markups(
        tmp_path / "a.mrk.json",
        fiducials(point("N1", 5, 5, 5)),
        line("N1 short axis", [5, 4, 5], [5, 7, 5]),
        line("N1 long axis", [1, 5, 5], [9, 5, 5]),
        line("L", [0, 0, 0], [3, 4, 0]),
    )
    node, lone = read_findings(path).lesions
    assert (node.short_axis_mm, node.long_axis_mm, node.long_ends_mm) == (3, 8, ((1, 5, 5), (9, 5, 5)))
    assert (lone.lesion_id, lone.position_mm, lone.long_axis_mm, lone.short_axis_mm) == ("L", (1.5, 2, 0), 5, None)


def test_boxes_are_read_where_they_stand_upright(tmp_path: Path) -> None:
    box = {"type": "ROI", "name": "B", "roiType": "Box", "center": [1, 2, 3], "size": [4, 5, 6]}
    turned = {"orientation": [0, -1, 0, 1, 0, 0, 0, 0, 1]}
    (lesion,) = read_findings(markups(tmp_path / "a.mrk.json", box | turned)).lesions
    assert (lesion.position_mm, lesion.box_mm) == ((1, 2, 3), (5, 4, 6))
    oblique = {"orientation": [0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1]}
    for wrong in (oblique, {"size": [4, 5, 0]}, {"roiType": "BoundingBox"}):
        with pytest.raises(FormatError, match="expected an upright box"):
            read_findings(markups(tmp_path / "a.mrk.json", box | wrong))


def test_names_that_repeat_are_told_and_what_is_not_placed_is_refused(tmp_path: Path) -> None:
    points = (
        point("a", 1, 1, 1),
        point("a", 2, 2, 2),
        point("", 3, 3, 3),
        point("u", 0, 0, 0, positionStatus="undefined"),
    )
    found = read_findings(markups(tmp_path / "a.mrk.json", fiducials(*points), {"type": "Plane", "name": "p"}))
    assert [one.lesion_id for one in found.lesions] == ["a", "a.2", "3"]
    assert found.warnings == ("1 lesion(s) had the name of another and got their number besides",)
    assert [refusal.item.rpartition(": ")[2] for refusal in found.refusals] == [
        "markups[0].controlPoints[3]",
        "markups[1]",
    ]
    with pytest.raises(FormatError, match="position undefined"):
        read_lesions(tmp_path / "a.mrk.json")
    assert len(read_lesions(tmp_path / "a.mrk.json", is_lenient=True).lesions) == 3


@pytest.mark.parametrize(
    ("markup", "message"),
    [
        (
            fiducials(point("a", 1, 2)),
            r"markups\[0\]\.controlPoints\[0\]\.position: found \[1, 2\], expected 3",
        ),
        (fiducials({"label": "a"}), r"controlPoints\[0\]\.position: absent"),
        (fiducials(point("a", 1, 2, float("nan"))), r"position\[2\]: found NaN, expected a finite number"),
        (fiducials(point("a", 1, 2, 3), system="IJK"), "coordinateSystem 'IJK'; expected LPS or RAS"),
        (fiducials(point("a", 1, 2, 3)) | {"coordinateUnits": "cm"}, "coordinateUnits 'cm'; expected mm"),
        (fiducials(point(["a"], 1, 2, 3)), r"label: found \[\"a\"\], expected a text"),  # type: ignore[arg-type]
        (line("a", [1, 2, 3]), "a line of 1 points"),
        ({"controlPoints": []}, "type: absent"),
        ({"type": "Fiducial", "controlPoints": {}}, "expected a list"),
    ],
)
def test_malformed_markups_are_refused_with_their_place(tmp_path: Path, markup: dict[str, Any], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_findings(markups(tmp_path / "a.mrk.json", markup))


@pytest.mark.parametrize("text", ['{"markups": [', '{"markups": 3}', '{"markups": ["x"]}', "{" * 10_000 + '"markups"'])
def test_what_is_no_tree_of_markups_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.mrk.json").write_text(text)
    with pytest.raises(FormatError, match=r"a\.mrk\.json"):
        read_findings(tmp_path / "a.mrk.json")


def test_what_is_written_is_as_the_schema_demands(tmp_path: Path) -> None:
    lesion = Lesion("e", "N1", (1.0, 2.0, 3.0), label="node", long_ends_mm=((0, 2, 3), (2, 2, 3)), box_mm=(1, 2, 3))
    write_findings(tmp_path / "a.mrk.json", FindingSet("e", lesions=(lesion,)))
    tree = json.loads((tmp_path / "a.mrk.json").read_text())
    assert tree["@schema"] == SCHEMA
    assert [(one["type"], one["name"]) for one in tree["markups"]] == [
        ("Fiducial", "lesions"),
        ("Line", "N1 long axis"),
        ("ROI", "N1"),
    ]
    assert all({"id", "label", "position"} <= set(point) for one in tree["markups"] for point in one["controlPoints"])
