"""The viewer in a browser: CT, SEG, SR, planes, slides, at the place a link names, with no error and no other host."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from builders import needs_shared_data
from hilum.serve.viewer.links import reformat_link, slide_link, study_link
from serve.browser.people import KEPT_STUDY
from slide_example import GLOWING, NUCLEUS, PLASMA, SLIDE, STAINED

if TYPE_CHECKING:
    from serve.browser.watched import Watched

COLOURS = {(60, 200, 40), (120, 200, 40), (180, 200, 40), (240, 200, 40)}
"""Of the segments in `viewer_example`."""

MAKE_A_FUNCTION = """() => new Promise((tell) => setTimeout(() => {
  try { tell(new Function("return 'made'")()) } catch (error) { tell(error.name) }
}))"""
"""From a timer: what a test runs itself is not held to the page's policy."""

NODES = {"PatientID": "EX^1"}
CHEST = {"StudyDescription": "CT CAP"}
SLIDES = {"ModalitiesInStudy": "SM", "StudyDate": "20091229"}
"""Keys that find the one study of a collection."""

ROUNDED = 4
"""A colour goes through CIELab in 16 bits and comes back."""


class Served:
    """What the site's DICOMweb tells of one study."""

    def __init__(self, visit: Watched, **keys: str) -> None:
        [study] = self._ask(visit, f"?{urlencode(keys)}")
        self.study_uid = study["0020000D"]["Value"][0]
        self.series: dict[str, list[str]] = {}
        for one in self._ask(visit, f"/{self.study_uid}/series"):
            self.series.setdefault(one["00080060"]["Value"][0], []).append(one["0020000E"]["Value"][0])
        self._visit = visit

    def instances(self, series_uid: str) -> dict[int, str]:
        """UID of each instance by its number."""
        found = self._ask(self._visit, f"/{self.study_uid}/series/{series_uid}/instances")
        return {one["00200013"]["Value"][0]: one["00080018"]["Value"][0] for one in found}

    def _ask(self, visit: Watched, path: str) -> list[dict[str, Any]]:
        answer = visit.page.request.get(f"{visit.url}/dicom-web/studies{path}")
        assert answer.ok, answer.status
        found: list[dict[str, Any]] = json.loads(answer.body())
        return found


def shows(visit: Watched, text: str) -> None:
    visit.page.get_by_text(text).first.wait_for()


def test_a_link_opens_a_ct_at_its_slice(steward: Watched) -> None:
    nodes = Served(steward, **NODES)
    [ct] = nodes.series["CT"]
    steward.open(study_link(nodes.study_uid, series_uid=ct, sop_uid=nodes.instances(ct)[13]))
    steward.wait_for_pixels(lit=100_000)
    steward.page.get_by_text("(12/24)").wait_for()
    assert steward.colours() == []
    steward.require_clean()


@pytest.mark.parametrize("mode", ["viewer", "segmentation"])
def test_a_compressed_ct_is_decoded(steward: Watched, mode: str) -> None:
    """By a worker that makes functions of texts, under the policy of its own script."""
    steward.open(study_link(KEPT_STUDY).replace("/viewer", f"/{mode}"))
    steward.wait_for_pixels(lit=100_000)
    steward.require_clean()


@pytest.mark.parametrize("number", [0, 1])
def test_a_segmentation_loads_by_itself_in_its_colours(steward: Watched, number: int) -> None:
    """One of the two is binary, the other a label map."""
    nodes = Served(steward, **NODES)
    assert len(nodes.series["SEG"]) == 2
    steward.open(study_link(nodes.study_uid, series_uid=nodes.series["SEG"][number]))
    shows(steward, "node 4")
    steward.page.wait_for_function("() => document.querySelectorAll('canvas.cornerstone-canvas').length === 1")
    steward.wait_for_pixels(lit=100_000)
    drawn = steward.wait_for_colours()
    assert any(_is_near(colour, written) for colour in drawn for written in COLOURS), drawn
    steward.require_clean()


def _is_near(colour: list[int], other: tuple[int, ...]) -> bool:
    return all(abs(one - another) <= ROUNDED for one, another in zip(colour, other, strict=True))


def test_a_report_lists_its_findings_with_both_axes_and_opens_at_the_first(steward: Watched) -> None:
    nodes = Served(steward, **NODES)
    texts = []
    for report in nodes.series["SR"]:
        steward.open(study_link(nodes.study_uid, series_uid=report))
        shows(steward, "Additional Findings")
        steward.wait_for_pixels(lit=100_000)
        texts.append(steward.page.inner_text("body"))
    lesions = next(text for text in texts if "node 1" in text)
    marks = next(text for text in texts if "score" in text)
    assert "L: 18.7 mm\nW: 18.7 mm" in lesions
    assert "L: 12.4 mm\nW: 12.4 mm" in lesions
    assert "mediastinal lymph node 3: short axis 9.0 mm" in lesions
    assert "nodule 4: width 16.0 mm, height 17.6 mm, depth 15.0 mm" in lesions
    assert "(12/24)" in lesions, "the slice of the first one: number 13 of 24, shown from the head"
    assert "(12/24)" in marks, "the slice of the first one, which has the best score"
    assert "Lesion 1: score 0.97" in marks
    assert "Lesion 2: score 0.42" in marks
    steward.require_clean()


@needs_shared_data
def test_a_real_ct_opens_with_the_window_it_names(reader: Watched) -> None:
    reader.open(study_link(Served(reader, **CHEST).study_uid))
    reader.wait_for_pixels(lit=200_000)
    shows(reader, "1500")
    shows(reader, "-700")
    reader.require_clean()


@needs_shared_data
def test_three_planes(reader: Watched) -> None:
    reader.open(reformat_link(Served(reader, **CHEST).study_uid))
    reader.wait_for_pixels(canvases=3, lit=20_000)
    reader.require_clean()


def test_a_slide_opens_in_the_microscope_in_its_colours(reader: Watched) -> None:
    """Of three resolutions; the tiles are JPEG, and the profile of the slide's colours is sRGB's."""
    reader.open(slide_link(SLIDE, series_uid=STAINED))
    reader.wait_for_pixels(lit=200_000)
    reader.wait_for_colour(NUCLEUS)
    reader.wait_for_colour(PLASMA)
    reader.require_clean()


def test_the_channels_of_a_slide_are_shown_one_over_the_other(reader: Watched) -> None:
    """Each in a colour of its own, as bright as its brightest cell: OHIF alone shows none."""
    reader.open(slide_link(SLIDE, series_uid=GLOWING))
    reader.wait_for_colour((0, 0, 255))
    reader.wait_for_colour((0, 255, 0))
    reader.require_clean()


@needs_shared_data
def test_a_real_slide_opens_in_the_microscope(reader: Watched) -> None:
    reader.open(slide_link(Served(reader, **SLIDES).study_uid))
    reader.wait_for_pixels(lit=20_000)
    assert reader.wait_for_colours(), "stained tissue is not grey"
    reader.require_clean()


def test_the_corner_leads_back_to_where_the_viewer_was_opened(steward: Watched) -> None:
    page = steward.open("/collections/nodes/series/")
    page.locator("a:has(img.thumb)").first.click()
    page.wait_for_url("**/viewer?*")
    page.get_by_role("link", name="Chest archive").click()
    page.wait_for_url("**/collections/nodes/series/")
    steward.require_clean()


@pytest.mark.parametrize("path", ["/collections/nodes/", "/microscopy"])
def test_a_text_does_not_become_a_function(reader: Watched, path: str) -> None:
    page = reader.open(path)
    with page.expect_console_message(lambda said: "script-src" in said.text):
        assert page.evaluate(MAKE_A_FUNCTION) == "EvalError"


def test_what_may_not_be_seen_is_not_there_for_the_viewer(steward: Watched, reader: Watched) -> None:
    study = Served(steward, **NODES).study_uid
    page = reader.open(study_link(study))
    page.get_by_text("not available at this time").wait_for()
    assert page.request.get(f"{reader.url}/dicom-web/studies/{study}/metadata").status == 404
