import highdicom
from hypothesis import given
from hypothesis import strategies as st

from hilum.findings.segment_colours import PALETTE, from_cielab, palette_colour, to_cielab

colours = st.tuples(*[st.integers(0, 255)] * 3)


@given(colours)
def test_colours_come_back(colour: tuple[int, int, int]) -> None:
    assert from_cielab(to_cielab(colour)) == colour


@given(colours)
def test_colours_are_those_of_highdicom(colour: tuple[int, int, int]) -> None:
    theirs = highdicom.color.CIELabColor.from_rgb(*colour).value
    assert all(abs(mine - value) <= 65 for mine, value in zip(to_cielab(colour), theirs, strict=True))


def test_black_and_white_are_the_ends_of_the_scale() -> None:
    assert to_cielab((0, 0, 0)) == [0, 0x8080, 0x8080]
    white = to_cielab((255, 255, 255))
    assert white[0] == 0xFFFF
    assert all(abs(value - 0x8080) < 10 for value in white[1:])


@given(st.tuples(*[st.integers(0, 65535)] * 3))
def test_values_beyond_srgb_give_the_nearest_colour(value: tuple[int, int, int]) -> None:
    assert all(0 <= part <= 255 for part in from_cielab(value))


def test_palette_begins_again() -> None:
    assert len(set(PALETTE)) == len(PALETTE)
    assert palette_colour(1) == PALETTE[0]
    assert palette_colour(len(PALETTE) + 1) == PALETTE[0]
