from __future__ import annotations

import re
import shutil
import struct
import zlib
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from hilum.assess import Policy, WithinDistance, assess
from hilum.assess.gallery import Gallery
from hilum.assess.plot import froc_svg, rate_text
from hilum.assess.report import report_html, size_rows, write_report
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from playwright.sync_api import Browser

    from hilum.assess import Assessment
    from hilum.model.findings import Point

EXAMS = ("A", "B", "C", "D")
NOTICE = "These images are phantoms."
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""As shared by all browser tests: no sandbox in a container, and no requests of the browser's own."""


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


def test_the_gallery_shows_what_counts_at_its_operating_point() -> None:
    hits, false, misses = Gallery(result(), rate=0.25, count=6).groups()
    # One false positive is allowed; the curve is highest with the marks from 0.3 on.
    assert [(card.exam, card.score, card.lesion_id) for card in hits.cards] == [("A", 0.9, "A1"), ("B", 0.3, "B1")]
    assert [(card.exam, card.score) for card in false.cards] == [("A", 0.8)]
    assert [(card.lesion_id, card.score, card.diameter_mm) for card in misses.cards] == [("B2", None, None)]
    assert hits.cards[0].distance_mm == pytest.approx(1.0)


def test_a_stricter_operating_point_turns_a_weak_hit_into_a_miss() -> None:
    hits, false, misses = Gallery(result(), rate=0.125, count=6).groups()
    assert [card.lesion_id for card in hits.cards] == ["A1"]
    assert false.total == 0
    assert [(card.lesion_id, card.score) for card in misses.cards] == [("B1", 0.3), ("B2", None)]


def test_a_gallery_says_how_many_there_are_beyond_those_shown() -> None:
    misses = Gallery(result(), rate=0.125, count=1).groups()[2]
    assert (misses.total, len(misses.cards)) == (2, 1)


def test_lesions_by_size_sum_up_and_unknown_sizes_have_their_row() -> None:
    rows = size_rows(result())
    assert [(row.size, row.lesions, row.hits) for row in rows] == [
        ("10 to below 15 mm", 1, (1, 1, 1)),
        ("20 to below 30 mm", 1, (1, 1, 1)),
        ("unknown", 1, (0, 0, 0)),
    ]


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
    assert "<b>P1</b>" in page
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
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium")
    if path is None:
        pytest.fail("no chromium on this machine; `make test` installs it (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_the_page_is_whole_in_a_browser(browser: Browser, tmp_path: Path, width: int, scheme: str) -> None:
    path = tmp_path / "report.html"
    write_report(path, result(), title="Phantom nodes", notice=NOTICE, provenance={"run": "r" * 120}, crops=crops)
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
    assert said == []
    assert [url for url in requests if not url.startswith("data:")] == [path.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    images = page.evaluate("[...document.images].map(i => [i.complete && i.naturalWidth > 0, i.alt.length > 10])")
    assert images
    assert all(is_loaded and has_text for is_loaded, has_text in images)
    assert page.evaluate("[...document.querySelectorAll('th')].every(th => th.scope)")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser: Browser, tmp_path: Path, scheme: str) -> None:
    path = tmp_path / "report.html"
    write_report(path, result(), notice=NOTICE)
    page = browser.new_page(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(path.as_uri())
    colours = page.evaluate(
        """() => {
          const style = getComputedStyle(document.documentElement);
          return Object.fromEntries(['page', 'sheet', 'ink', 'soft', 'notice', 'accent']
            .map(name => [name, style.getPropertyValue('--' + name).trim()]));
        }"""
    )
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
