from __future__ import annotations

import re
import struct
import zlib
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromium import open_chromium
from hilum.assess import Policy, WithinDistance, assess, compare, stratify
from hilum.assess.comparison_report import comparison_html, write_comparison_report
from hilum.assess.forest import difference_forest, strata_forest
from hilum.assess.gallery import Gallery
from hilum.assess.page import signed
from hilum.assess.plot import HUES, froc_svg, letter, overlay_svg, rate_text, series_class, spread
from hilum.assess.report import report_html, write_report
from hilum.errors import AssessmentError
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from playwright.sync_api import Browser

    from hilum.assess import Assessment, Comparison
    from hilum.model.findings import Point

EXAMS = ("A", "B", "C", "D")
NOTICE = "These images are phantoms."


def lesion(exam: str, name: str, x: float, *, size: float | None = 12.0, is_excluded: bool = False) -> Lesion:
    return Lesion(exam, name, (x, 0.0, 0.0), short_axis_mm=size, is_excluded=is_excluded)


def result(*, bootstraps: int = 50, policy: Policy | None = None) -> Assessment:
    """Four exams: three lesions, of which A1 is hit surely, B1 weakly and B2 never; two false positives.

    At 1/8 false positives an exam none is allowed (1/8 * 4 < 1), at 1/4 one, at 1/2 two.
    """
    lesions = [
        lesion("A", "A1", 0.0, size=12.0),
        lesion("B", "B1", 0.0, size=22.0),
        lesion("B", "B2", 100.0, size=None),
        lesion("C", "C1", 0.0, size=8.0, is_excluded=True),
    ]
    marks = [
        Mark("A", (1.0, 0.0, 0.0), 0.9),
        Mark("A", (2.0, 0.0, 0.0), 0.5),  # redundant
        Mark("A", (90.0, 0.0, 0.0), 0.8),  # false positive
        Mark("B", (3.0, 0.0, 0.0), 0.3),
        Mark("C", (0.0, 1.0, 0.0), 0.95),  # on the excluded finding
        Mark("D", (0.0, 0.0, 0.0), 0.2),  # false positive
    ]
    return assess(lesions, marks, EXAMS, hit=WithinDistance(15), bootstraps=bootstraps, policy=policy)


def png(grey: int = 128) -> bytes:
    """A grey picture of 8 by 8 pixels."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"".join(b"\0" + bytes([grey]) * 8 for _ in range(8)))),
        (b"IEND", b""),
    )
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def crops(exam_id: str, position: Point) -> Mapping[str, bytes]:
    return {"axial": png(60), "coronal": png(120), "sagittal": png(180)}


def test_rates_are_written_as_fractions_and_whole_numbers() -> None:
    assert [rate_text(rate) for rate in (0.125, 0.25, 0.5, 1.0, 10.0)] == ["1/8", "1/4", "1/2", "1", "10"]


def test_rates_that_are_no_fraction_are_written_as_they_are() -> None:
    assert [rate_text(rate) for rate in (0.0, 0.3, 0.1, 2.5)] == ["0", "0.3", "1/10", "2.5"]


def test_the_gallery_shows_what_counts_at_its_operating_point() -> None:
    hits, false, misses = Gallery(result(), rate=0.25, count=6).groups()
    # One false positive is allowed; the curve is highest with the marks from 0.3 on.
    assert [(card.exam, card.score, card.lesion_id) for card in hits.cards] == [("A", 0.9, "A1"), ("B", 0.3, "B1")]
    assert [(card.exam, card.score) for card in false.cards] == [("A", 0.8)]
    assert [(card.lesion_id, card.score, card.diameter_mm) for card in misses.cards] == [("B2", None, None)]
    assert [card.distance_mm for card in hits.cards] == [pytest.approx(1.0), pytest.approx(3.0)]
    assert [card.position_mm for card in hits.cards] == [(1.0, 0.0, 0.0), (3.0, 0.0, 0.0)]


def test_a_stricter_operating_point_turns_a_weak_hit_into_a_miss() -> None:
    hits, false, misses = Gallery(result(), rate=0.125, count=6).groups()
    assert [card.lesion_id for card in hits.cards] == ["A1"]
    assert false.cards == ()
    assert [(card.lesion_id, card.score) for card in misses.cards] == [("B1", 0.3), ("B2", None)]


def test_of_all_that_are_listed_the_first_are_pictured() -> None:
    hits, false, misses = Gallery(result(), rate=0.125, count=1, crops=crops).groups()
    assert (len(misses.cards), len(misses.pictured)) == (2, 1)
    assert [picture.plane for picture in misses.pictured[0].pictures] == ["axial", "coronal", "sagittal"]
    assert misses.pictured[0].lesion_id == misses.cards[0].lesion_id == "B1"
    assert (len(hits.pictured), len(false.pictured)) == (1, 0)


def test_where_an_exam_has_no_pictures_its_marks_are_listed_all_the_same() -> None:
    hits = Gallery(result(), rate=0.25, count=6, crops=lambda exam, place: crops(exam, place) if exam == "B" else {})
    assert [card.lesion_id for card in hits.groups()[0].cards] == ["A1", "B1"]
    assert [card.lesion_id for card in hits.groups()[0].pictured] == ["B1"]


def test_marks_that_count_as_false_positives_are_listed_as_such() -> None:
    strict = result(policy=Policy(redundant="false-positive"))
    false = Gallery(strict, rate=8, count=0).groups()[1]
    assert [card.score for card in false.cards] == [0.8, 0.5]
    assert strict.froc.operating_point(8).false_positives == 2


def test_the_page_lists_every_hit_false_positive_and_miss() -> None:
    page = report_html(result(), at_rate=0.25, crops=crops, pictures=1)
    lists = re.findall(r"<details>(.*?)</details>", page, re.DOTALL)
    assert [table.count('<th scope="row">') for table in lists] == [2, 1, 1]
    assert "2, highest scores first; 1 shown as pictures" in plain(page)
    assert page.count("<img") == 9
    hit_rows = re.findall(r"<tr><th scope=\"row\">(.*?)</tr>", lists[0], re.DOTALL)
    assert [re.sub(r"\s*<[^>]+>\s*", "|", row).strip("|") for row in hit_rows] == [
        "A||0.900000||A1||12.0||1.0||1.0, 0.0, 0.0",
        "B||0.300000||B1||22.0||3.0||3.0, 0.0, 0.0",
    ]


def test_strata_are_drawn_where_their_sensitivity_is() -> None:
    forest = strata_forest(stratify(result(), "size", rates=(0.25,)), 0.25)
    assert [(row.stratum.name, row.hits, row.stratum.lesions, row.estimate.value) for row in forest.rows] == [
        ("10 to under 15 mm", 1, 1, 1.0),
        ("over 20 mm", 1, 1, 1.0),
        ("unknown", 0, 1, 0.0),
    ]
    # The margins are 7 per cent: 0 lies at 7, 1 at 93, two thirds at 7 + 2/3 * 86.
    assert [row.estimate.at for row in forest.rows] == [93.0, 93.0, 7.0]
    assert forest.whole.estimate.at == pytest.approx(64.33)
    assert forest.axis.labels == ((7.0, "0"), (50.0, "0.5"), (93.0, "1"))
    low, high = forest.whole.estimate.low, forest.whole.estimate.high
    assert low is not None
    assert high is not None
    assert 7 <= low <= 64.33 <= high <= 93
    assert forest.rows[0].false_rate is None


def test_squares_have_an_area_by_the_number_of_lesions() -> None:
    lesions = [lesion("A", f"A{number}", 40.0 * number, size=12.0 if number < 4 else 22.0) for number in range(5)]
    one = assess(lesions, [Mark("A", (0.0, 0.0, 0.0), 0.5)], EXAMS, hit=WithinDistance(5), bootstraps=0)
    four, single = strata_forest(stratify(one, "size"), 1.0).rows
    assert four.estimate.side**2 == pytest.approx(4 * single.estimate.side**2, rel=0.01)
    assert (four.estimate.low, four.estimate.high) == (None, None)


def test_strata_of_exams_have_false_positives_of_their_own() -> None:
    column = {"site": {"A": "north", "B": "south", "C": "south", "D": "south"}}
    forest = strata_forest(stratify(result(), "site", exam_values=column, rates=(0.25,)), 0.25)
    assert [(row.stratum.name, row.stratum.exams, row.false_rate) for row in forest.rows] == [
        ("north", 1, 1.0),
        ("south", 3, 0.0),
    ]
    page = plain(report_html(result(), at_rate=0.25, by=("size", "site"), exam_values=column))
    assert "North 1 exam, 1.00 FP an exam 1 / 1" in page
    assert "South 3 exams, 0.00 FP an exam 1 / 2" in page
    assert "By size" in page


def test_a_column_in_which_all_are_equal_gets_no_plot() -> None:
    page = report_html(result(), by=("site",), exam_values={"site": dict.fromkeys(EXAMS, "north")})
    assert "By site" not in page
    assert 'id="strata"' not in page


def test_a_column_that_does_not_exist_is_refused() -> None:
    with pytest.raises(AssessmentError, match="no column 'kernel'"):
        report_html(result(), by=("kernel",))


def others() -> dict[str, Assessment]:
    """The result above, and a method that hits all lesions with one false positive."""
    first = result()
    marks = [Mark("A", (0.0, 0.0, 0.0), 9.0), Mark("B", (0.0, 0.0, 0.0), 8.0), Mark("B", (100.0, 0.0, 0.0), 7.0)]
    lesions = [
        lesion("A", "A1", 0.0, size=12.0),
        lesion("B", "B1", 0.0, size=22.0),
        lesion("B", "B2", 100.0, size=None),
        lesion("C", "C1", 0.0, size=8.0, is_excluded=True),
    ]
    second = assess(lesions, [*marks, Mark("D", (0.0, 0.0, 0.0), 1.0)], EXAMS, hit=WithinDistance(15), bootstraps=50)
    return {"weak & small": first, "a-method-of-a-long-name": second}


def compared(methods: Mapping[str, Assessment], *, bootstraps: int = 50) -> Comparison:
    return compare(methods, bootstraps=bootstraps, permutations=15)


def test_a_comparison_shows_each_method_and_difference() -> None:
    methods = others()
    found = compared(methods)
    page = plain(comparison_html(methods, found, provenance={"weak & small": {"run": "r<1>"}}))
    assert "A weak &amp; small" in page
    assert "B a-method-of-a-long-name" in page
    for value in found.values:
        assert f"{value.value:.3f}" in page
    for difference in found.differences:
        assert signed(difference.difference) in page
        assert f"{difference.holm_p_value:.3f}" in page
    assert "Sensitivity at 1 FP an exam" in page
    assert "r&lt;1&gt;" in page
    for name, words in found.choices.items():
        assert name[1:] in page
        assert words.replace("'", "&#39;") in page


def test_of_many_methods_the_head_says_how_many() -> None:
    methods = {f"m{index}": result(bootstraps=0) for index in range(5)}
    few = dict(list(methods.items())[:4])
    assert "CPM of D m3" in plain(comparison_html(few, compared(few, bootstraps=0)))
    page = plain(comparison_html(methods, compared(methods, bootstraps=0)))
    assert "CPM of" not in page
    assert "5 methods" in page


def test_without_draws_a_comparison_has_differences_and_no_intervals() -> None:
    methods = others()
    page = comparison_html(methods, compared(methods, bootstraps=0))
    assert 'class="range"' not in page
    assert page.count('class="value"') == 3
    assert "None interval" not in page


def test_differences_have_a_sign_unless_they_round_to_nothing() -> None:
    assert [signed(value) for value in (0.25, -0.25, 0.0004, -0.0004, 0.0)] == [
        "+0.250",
        "−0.250",
        "0.000",
        "0.000",
        "0.000",
    ]


def test_differences_lie_about_zero_on_one_axis() -> None:
    forest = difference_forest(compared(others()))
    assert forest.zero == 50.0
    assert next(endpoint for endpoint, _ in forest.endpoints) == "CPM"
    for _, rows in forest.endpoints:
        (row,) = rows
        assert row.difference.difference < 0
        assert row.estimate.at is not None
        assert row.estimate.at < 50
        assert row.estimate.low is not None
        assert row.estimate.low >= 7.0


@pytest.mark.parametrize(("reach", "end"), [(0.013, 0.02), (0.2, 0.2), (0.21, 0.5), (0.7, 1.0), (0.0, 0.01)])
def test_the_axis_of_differences_ends_at_a_round_number(reach: float, end: float) -> None:
    difference = replace(compared(others()).differences[0], difference=reach, interval=None)
    axis = difference_forest(replace(compared(others()), differences=(difference,))).axis
    assert [axis.least, axis.most] == pytest.approx([-end, end])


def test_several_curves_differ_by_dashes_and_are_named_at_their_end() -> None:
    svg = overlay_svg(others())
    assert svg.count('class="curve"') == 2
    assert svg.count('class="band"') == 2
    classes = re.findall(r'<g class="(hue\d dash\d)">', svg)
    assert set(classes) == {"hue0 dash0", "hue1 dash1"}
    assert ">A</tspan> weak &amp; small</text>" in svg
    assert ">B</tspan> a-method-of…</text>" in svg
    assert len({series_class(index) for index in range(30)}) == 30
    assert [letter(index) for index in (0, 25, 26)] == ["A", "Z", "A1"]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8))
def test_names_keep_their_distance_order_and_room(wanted: list[float]) -> None:
    places = spread(wanted, 10.0, 0.0, 100.0)
    assert all(-1e-9 <= place <= 100 + 1e-9 for place in places)
    assert all(later - earlier >= 10.0 - 1e-9 for earlier, later in pairwise(sorted(places)))
    in_order = [place for _, place in sorted(zip(wanted, places, strict=True))]
    assert in_order == sorted(places)


def test_more_names_than_there_is_room_for_stand_closer() -> None:
    assert spread([50.0, 50.0, 50.0], 80.0, 0.0, 100.0) == [0.0, 50.0, 100.0]
    assert spread([20.0, 21.0, 90.0], 10.0, 0.0, 100.0) == [20.0, 30.0, 90.0]


def plain(page: str) -> str:
    """The text of a page without tags and with single blanks, its head left out."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.rsplit("<main>", maxsplit=1)[-1])).replace(" ,", ",")


def test_the_plot_has_a_circle_for_each_operating_point_at_its_sensitivity() -> None:
    svg = froc_svg(result())
    assert svg.count('class="point"') == 10
    assert svg.count('class="band"') == 1
    assert "1/8 false positives an exam: sensitivity 0.333" in svg
    assert "1/4 false positives an exam: sensitivity 0.667" in svg
    heights = {float(y) for y in re.findall(r'class="point" cx="[\d.]+" cy="([\d.]+)"', svg)}
    assert len(heights) == 2


@pytest.mark.parametrize("interpolation", ["step", "linear"])
def test_a_drawn_curve_never_falls(interpolation: str) -> None:
    policy = Policy(interpolation="linear") if interpolation == "linear" else Policy()
    svg = froc_svg(result(policy=policy))
    path = re.search(r'class="curve" d="M([^"]+)"', svg)
    assert path is not None
    points = [tuple(map(float, point.split())) for point in path[1].split("L")]
    assert points == sorted(points, key=lambda point: (point[0], -point[1]))
    assert all(later[1] <= earlier[1] for earlier, later in pairwise(points))


def test_without_lesions_the_report_says_so_and_draws_no_curve() -> None:
    empty = assess([], [Mark("A", (0.0, 0.0, 0.0), 0.5)], EXAMS, hit=WithinDistance(15), bootstraps=10)
    page = report_html(empty)
    assert 'class="curve"' not in page
    assert "there are no lesions: sensitivity and CPM are undefined" in page.replace("There", "there")


def test_without_marks_every_lesion_is_a_miss() -> None:
    silent = assess([lesion("A", "A1", 0.0)], [], EXAMS, hit=WithinDistance(15), bootstraps=0)
    page = report_html(silent, crops=crops)
    assert "no mark may be kept" in page
    assert "no mark hits it" in page
    assert page.count("<img") == 3


def test_the_page_states_counts_rules_and_provenance() -> None:
    page = report_html(
        result(),
        title="Nodes & <marks>",
        notice=NOTICE,
        provenance={"run": "r1", "snapshot": "<s>"},
        exam_names={"A": "P1"},
    )
    assert "<h1>Nodes &amp; &lt;marks&gt;</h1>" in page
    assert "&lt;s&gt;" in page
    assert NOTICE in page
    assert '<th scope="row">P1</th>' in page
    for name, words in result().choices().items():
        assert name[1:] in page
        assert words.replace("'", "&#39;") in page


def test_the_page_names_no_address_but_its_own_pictures() -> None:
    page = report_html(result(), crops=crops)
    addresses = re.findall(r'(?:src|href|url)\s*[=(]\s*"?([^")\s>]+)', page)
    assert addresses
    assert all(address.startswith("data:") for address in addresses)
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_chromium() as browser:
        yield browser


def write_page(path: Path, kind: str) -> None:
    """A report of one method with all its parts, or of two, with names longer than a telephone is wide."""
    if kind == "comparison":
        methods = others() | {"n" * 80: result(bootstraps=20)}
        write_comparison_report(path, methods, compared(methods), notice=NOTICE, provenance={"x": {"run": "r" * 120}})
        return
    write_report(
        path,
        result(),
        title="Phantom nodes",
        notice=NOTICE,
        provenance={"run": "r" * 120},
        crops=crops,
        exam_names={"B": "1.3.6.1.4.1.14519.5.2.1.6279.6001." + "1" * 30},
        by=("size", "site"),
        exam_values={"site": {"A": "s" * 60, "B": "south", "C": "south", "D": "south"}},
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("kind", ["report", "comparison"])
def test_the_page_is_whole_in_a_browser(browser: Browser, tmp_path: Path, kind: str, width: int, scheme: str) -> None:
    path = tmp_path / "report.html"
    write_page(path, kind)
    page = browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
    )
    said: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_load_state("networkidle")
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert said == []
    assert [url for url in requests if not url.startswith("data:")] == [path.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


@pytest.mark.parametrize("kind", ["report", "comparison"])
def test_the_page_can_be_read_without_seeing_it(browser: Browser, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "report.html"
    write_page(path, kind)
    page = browser.new_page()
    page.goto(path.as_uri())
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map(one => +one.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    assert page.evaluate("[...document.querySelectorAll('th')].every(th => th.scope && th.textContent.trim())")
    assert page.evaluate("[...document.querySelectorAll('table')].every(t => t.querySelector('thead, .sum, tbody th'))")
    images = page.evaluate("[...document.images].map(i => [i.complete && i.naturalWidth > 0, i.alt.length > 10])")
    assert bool(images) == (kind == "report")
    assert all(is_loaded and has_text for is_loaded, has_text in images)
    drawings = "svg:not([aria-hidden] *):not([aria-hidden])"
    assert page.evaluate(
        f"[...document.querySelectorAll('{drawings}')].every(s => s.getAttribute('role') === 'img' "
        "&& s.getAttribute('aria-labelledby').split(' ').every(id => document.getElementById(id).textContent))"
    )
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
    assert len(set(ids)) == len(ids)
    assert page.evaluate(
        "[...document.querySelectorAll('[tabindex], summary, [role=region]')]"
        ".every(one => one.getAttribute('aria-label') || one.textContent.trim())"
    )
    page.close()


def test_marks_of_a_forest_lie_in_their_column_on_any_screen(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_page(path, "report")
    for width in (1400, 390):
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.goto(path.as_uri())
        found = page.evaluate(
            """() => [...document.querySelectorAll('td.plot rect.value, td.plot path.whole')].map(mark => {
              const one = mark.getBoundingClientRect(), cell = mark.closest('td').getBoundingClientRect();
              return [one.left >= cell.left, one.right <= cell.right, one.top >= cell.top, one.bottom <= cell.bottom];
            })"""
        )
        assert len(found) == 7  # three sizes, two sites and the whole of each
        assert all(all(one) for one in found)
        page.close()


def test_the_page_prints(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_page(path, "report")
    page = browser.new_page(viewport={"width": 674, "height": 900})  # A4 without margins, in CSS pixels
    page.emulate_media(media="print")
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 674
    cut = page.evaluate(
        "[...document.querySelectorAll('.scroll')].filter(s => s.scrollWidth > s.clientWidth + 1).length"
    )
    assert cut == 0
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser: Browser, tmp_path: Path, scheme: str) -> None:
    path = tmp_path / "report.html"
    write_comparison_report(path, others(), compared(others()), notice=NOTICE)
    hues = [f"hue{index}" for index in range(HUES)]
    page = browser.new_page(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(path.as_uri())
    colours = page.evaluate(
        """names => {
          const style = getComputedStyle(document.documentElement);
          return Object.fromEntries(names.map(name => [name, style.getPropertyValue('--' + name).trim()]));
        }""",
        ["page", "sheet", "ink", "soft", "notice", "accent", *hues],
    )
    for hue in hues:
        assert contrast(colours[hue], colours["page"]) >= 4.5
    for text, ground in (("ink", "page"), ("soft", "page"), ("soft", "sheet"), ("ink", "notice"), ("accent", "page")):
        assert contrast(colours[text], colours[ground]) >= 4.5, f"{text} on {ground}"
    page.close()


def contrast(first: str, second: str) -> float:
    """WCAG 2.2 contrast ratio of two colours, #rrggbb."""
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_contrast_of_black_and_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
