"""Text in images: drawn with a font, and what is none."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from hilum.check.burned_in import letters_in_lines


def page(
    text: str, *, size: int = 16, ink: int = 255, paper: int = 0
) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    image = Image.new("L", (400, 100), paper)
    ImageDraw.Draw(image).text((10, 30), text, fill=ink, font=ImageFont.load_default(size))
    return np.asarray(image)


@pytest.mark.parametrize(("ink", "paper"), [(255, 0), (0, 255)])
@pytest.mark.parametrize("size", [14, 20, 28])
def test_a_line_of_text_is_found_light_on_dark_and_dark_on_light(size: int, ink: int, paper: int) -> None:
    assert letters_in_lines(page("DOE JANE 19500102", size=size, ink=ink, paper=paper)) >= 8


@pytest.mark.parametrize("text", ["", "A B"])
def test_a_letter_or_two_are_no_text(text: str) -> None:
    assert letters_in_lines(page(text)) == 0


def test_noise_discs_and_bars_are_no_text() -> None:
    noise = np.random.default_rng(0).normal(size=(200, 200))
    rows, columns = np.mgrid[:200, :200]
    disc = ((rows - 100) ** 2 + (columns - 100) ** 2 < 60**2).astype(float)
    assert letters_in_lines(noise) == 0
    assert letters_in_lines(disc) == 0
    assert letters_in_lines(np.zeros((9, 9))) == 0
    assert letters_in_lines(np.empty((0, 0))) == 0
