"""Instances as pictures: JPEG or PNG, with a window and a viewport.

References
----------
DICOM PS3.18 section 8.3.5 (rendering parameters), 10.4.1.1.3 and 10.4.1.1.4 (rendered, thumbnail); PS3.3 C.11.2.1
(VOI LUT functions), C.11.1 (Modality LUT).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.errors import PixelError
from hilum.serve.dicomweb.pixels import decode_frame
from hilum.serve.dicomweb.problem import BAD_REQUEST, ProblemError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import QueryDict
    from numpy.typing import NDArray
    from PIL.Image import Image

    from hilum.serve.dicomweb.found import FoundInstance

FUNCTIONS = ("linear", "linear-exact", "sigmoid")
MAX_VIEWPORT = 8192
THUMBNAIL = 200
"""Longest side of a thumbnail, where no viewport is asked for."""

DEFAULT_QUALITY = 90
WHITE = 255
OUTSIDE = (1.0, 99.0)
"""Percentiles shown black and white where neither request nor header has a window."""

_SHARED, _PER_FRAME = "52009229", "52009230"
_VALUES, _VOI = "00289145", "00289132"
_SLOPE, _INTERCEPT, _CENTRE, _WIDTH, _FUNCTION = "00281053", "00281052", "00281050", "00281051", "00281056"


@dataclass(frozen=True, slots=True)
class Window:
    """What part of the scale is shown, and by which function."""

    centre: float
    width: float
    function: str = "linear"

    def grey(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of white, 0 to 1, of values of any shape."""
        if self.function == "sigmoid":
            share: NDArray[np.float64] = 1 / (1 + np.exp(-4 * (values - self.centre) / self.width))
            return share
        centre, width = (self.centre - 0.5, self.width - 1) if self.function == "linear" else (self.centre, self.width)
        if width <= 0:
            return (values > centre).astype(np.float64)
        return np.clip((values - centre) / width + 0.5, 0, 1)


@dataclass(frozen=True, slots=True)
class Rendering:
    """How an object is to be shown.

    Attributes
    ----------
    window
        None: the header's, or one that suits the values.
    size
        Longest width and height of the picture; None: the image's.
    region
        Left, top, width and height of the part that is shown; None: all.
    quality
        Of JPEG, 1 to 100.
    """

    window: Window | None = None
    size: tuple[int, int] | None = None
    region: tuple[float, float, float, float] | None = None
    quality: int = DEFAULT_QUALITY


def read_rendering(parameters: QueryDict, *, is_thumbnail: bool) -> Rendering:
    """Read the parameters of a rendered resource.

    Raises
    ------
    ProblemError
        400: one has the wrong form.
    """
    viewport = parameters.get("viewport")
    numbers = _numbers(viewport, "viewport", (2, 6)) if viewport else []
    size = (round(numbers[0]), round(numbers[1])) if numbers else ((THUMBNAIL, THUMBNAIL) if is_thumbnail else None)
    if size is not None and not all(1 <= side <= MAX_VIEWPORT for side in size):
        raise ProblemError(BAD_REQUEST, f"viewport: expected sides of 1 to {MAX_VIEWPORT}")
    quality = parameters.get("quality", str(DEFAULT_QUALITY))
    if not (quality.isascii() and quality.isdecimal() and len(quality) <= 3 and 1 <= int(quality) <= 100):
        raise ProblemError(BAD_REQUEST, "quality: expected 1 to 100")
    region = (numbers[2], numbers[3], numbers[4], numbers[5]) if len(numbers) == 6 else None
    return Rendering(_window(parameters.get("window")), size, region, int(quality))


def render(instance: FoundInstance, number: int, rendering: Rendering, media_type: str) -> bytes:
    """Picture of a frame, 1-based.

    Raises
    ------
    ProblemError
        404: there is no such frame.
    PixelError
        The frame cannot be decoded.
    """
    header = json.loads(instance.series.metadata().instance(instance.index))
    values = decode_frame(instance, number)
    picture = (
        _colour(values, header, instance) if _is_colour(header) else _grey(values, header, number, rendering.window)
    )
    picture = _in_viewport(picture, rendering)
    buffer = BytesIO()
    if media_type == "image/png":
        picture.save(buffer, "PNG")
    else:
        picture.save(buffer, "JPEG", quality=rendering.quality)
    return buffer.getvalue()


def _window(text: str | None) -> Window | None:
    if not text:
        return None
    parts = [part.strip() for part in text.split(",")]
    function = parts[2].lower() if len(parts) == 3 else "linear"
    centre, width = _numbers(",".join(parts[:2]), "window", (2,))
    if function not in FUNCTIONS or width <= 0 or len(parts) > 3:
        raise ProblemError(BAD_REQUEST, f"window: expected centre,width[,function], one of {', '.join(FUNCTIONS)}")
    return Window(centre, width, function)


def _numbers(text: str, name: str, counts: tuple[int, ...]) -> list[float]:
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise ProblemError(BAD_REQUEST, f"{name}: expected numbers with commas between") from error
    if len(found) not in counts or not all(map(math.isfinite, found)):
        raise ProblemError(BAD_REQUEST, f"{name}: expected {' or '.join(map(str, counts))} numbers")
    return found


def _is_colour(header: Mapping[str, Any]) -> bool:
    return not str(_first(header, "00280004", "MONOCHROME2")).startswith("MONOCHROME")


def _grey(values: NDArray[Any], header: Mapping[str, Any], number: int, window: Window | None) -> Image:
    from PIL import Image

    if values.ndim != 2:
        raise PixelError("a grey image with several values a pixel")
    slope = _of_frame(header, number, _VALUES, _SLOPE, 1.0)
    intercept = _of_frame(header, number, _VALUES, _INTERCEPT, 0.0)
    scaled = values.astype(np.float64) * slope + intercept
    share = (window or _own_window(header, number) or _suiting(scaled)).grey(scaled)
    if _first(header, "00280004", "") == "MONOCHROME1":
        share = 1 - share
    return Image.fromarray(np.rint(share * WHITE).astype(np.uint8))


def _own_window(header: Mapping[str, Any], number: int) -> Window | None:
    centre = _of_frame(header, number, _VOI, _CENTRE, None)
    width = _of_frame(header, number, _VOI, _WIDTH, None)
    if centre is None or width is None or not width > 0:
        return None
    function = str(_of_frame(header, number, _VOI, _FUNCTION, "linear")).lower().replace("_", "-")
    return Window(float(centre), float(width), function if function in FUNCTIONS else "linear")


def _suiting(values: NDArray[np.float64]) -> Window:
    """Window that shows most of the values; all of them where there are only a few different ones."""
    low, high = np.percentile(values, OUTSIDE)
    if low == high:
        low, high = values.min(), values.max()
    return Window((low + high) / 2, max(high - low, 1.0), "linear-exact")


def _colour(values: NDArray[Any], header: Mapping[str, Any], instance: FoundInstance) -> Image:
    from PIL import Image

    photometric = str(_first(header, "00280004", "RGB"))
    if photometric == "PALETTE COLOR":
        values = _through_palette(values, instance)
    elif values.ndim == 3 and _first(header, "00280006", 0) == 1 and _is_native(instance):
        values = values.reshape(3, *values.shape[:2]).transpose(1, 2, 0)
    if values.dtype.itemsize > 1:
        values = values >> (int(_first(header, "00280101", 8 * values.dtype.itemsize)) - 8)
    mode = "YCbCr" if photometric.startswith("YBR_FULL") and _is_native(instance) else "RGB"
    return Image.frombytes(mode, values.shape[1::-1], np.ascontiguousarray(values.astype(np.uint8)).tobytes()).convert(
        "RGB"
    )


def _is_native(instance: FoundInstance) -> bool:
    from hilum.serve.dicomweb.frames import NATIVE

    return instance.transfer_syntax in NATIVE


def _through_palette(values: NDArray[Any], instance: FoundInstance) -> NDArray[Any]:
    import pydicom
    from pydicom.pixels.processing import apply_color_lut

    try:
        coloured = apply_color_lut(values, pydicom.dcmread(instance.path, stop_before_pixels=True))
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise PixelError(f"no palette that can be read: {error}") from error
    return (coloured >> 8).astype(np.uint8) if coloured.dtype.itemsize > 1 else coloured


def _in_viewport(picture: Image, rendering: Rendering) -> Image:
    if rendering.region is not None:
        left, top, width, height = rendering.region
        right, bottom = min(left + width, picture.width), min(top + height, picture.height)
        if left < 0 or top < 0 or right - left < 1 or bottom - top < 1:
            raise ProblemError(BAD_REQUEST, "viewport: the part to be shown is outside the image")
        picture = picture.crop((round(left), round(top), round(right), round(bottom)))
    if rendering.size is None:
        return picture
    scale = min(rendering.size[0] / picture.width, rendering.size[1] / picture.height)
    return picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))


def _first(header: Mapping[str, Any], tag: str, default: Any) -> Any:
    values = header.get(tag, {}).get("Value") or [default]
    return default if values[0] is None else values[0]


def _of_frame(header: Mapping[str, Any], number: int, group: str, tag: str, default: Any) -> Any:
    """Value of the data set, or of the frame's or the shared functional group (PS3.3 C.7.6.16)."""
    shared = header.get(_SHARED, {}).get("Value") or [{}]
    frames = header.get(_PER_FRAME, {}).get("Value") or []
    frame = frames[number - 1] if number <= len(frames) else {}
    for item in (frame, shared[0]):
        for macro in item.get(group, {}).get("Value") or []:
            if (found := _first(macro, tag, None)) is not None:
                return found
    return _first(header, tag, default)
