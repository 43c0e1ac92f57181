"""Stored values to Hounsfield units.

References
----------
DICOM PS3.3 C.11.1.1.2 (Modality LUT: output = slope * stored + intercept), PS3.5 section 8.1.1 (bits of a stored
value).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hilum.errors import PixelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hilum.volume.frames import Frame, PixelForm

INT16_MIN, INT16_MAX = -(1 << 15), (1 << 15) - 1
EXACT_FLOAT32 = 1 << 24
"""Whole numbers up to this are exact in float32 (24 bits of significand)."""


def clean_bits(words: NDArray[Any], form: PixelForm) -> NDArray[Any]:
    """Stored values of words as they lie in a file, changed in place: unused bits removed, the sign extended.

    Parameters
    ----------
    words
        Integers of `form.bits_allocated` bits, any shape; read as signed or unsigned after `form.is_signed`.

    Returns
    -------
    The same memory as integers of the right sign.
    """
    values = words.view(f"{'i' if form.is_signed else 'u'}{words.dtype.itemsize}")
    unused = 8 * words.dtype.itemsize - form.bits_stored
    if unused and form.is_signed:
        np.left_shift(values, unused, out=values)
        np.right_shift(values, unused, out=values)
    elif unused:
        np.bitwise_and(values, (1 << form.bits_stored) - 1, out=values)
    return values


def rescale(values: NDArray[Any], frame: Frame, out: NDArray[Any], padding_hu: float | None = None) -> None:
    """Write the HU of a frame's stored values into `out`, which may be the same memory.

    Parameters
    ----------
    values
        Stored values, (row, column).
    out
        int16 or float32, same shape.
    padding_hu
        HU of voxels whose stored value is the frame's padding; None: what slope and intercept make of it.

    Raises
    ------
    PixelError
        `out` is int16 and cannot hold the HU: fractions, or beyond -32768..32767.
    """
    is_padding = _padding(values, frame) if padding_hu is not None else None
    if out.dtype == np.int16:
        _into_int16(values, frame, out)
    else:
        _into_float32(values, frame, out)
    if is_padding is not None:
        out[is_padding] = padding_hu


def _into_int16(values: NDArray[Any], frame: Frame, out: NDArray[np.int16]) -> None:
    sum_ = _int16_sum(frame.slope, frame.intercept, frame.form.stored_range)
    if sum_ is None or values.dtype.kind not in "iu":
        raise PixelError(
            f"{frame.name}: rescale slope {frame.slope:g} and intercept {frame.intercept:g} give fractions of HU, "
            "which int16 cannot hold; load with dtype='float32'"
        )
    _check_range(values, frame, sum_)
    # The result fits, so arithmetic modulo 2^16 is right whatever the intermediate values are.
    words = values.view(np.int16) if values.dtype.itemsize == 2 else values
    if frame.slope != 1:
        words = np.multiply(words, sum_.slope, out=out, casting="unsafe")
    np.add(words, sum_.intercept, out=out, casting="unsafe")


class _Int16Sum(NamedTuple):
    """Slope and intercept modulo 2^16, and whether the lowest and highest stored value there can be give int16 HU."""

    slope: np.int16
    intercept: np.int16
    low_fits: bool
    high_fits: bool


@lru_cache(maxsize=256)
def _int16_sum(slope: float, intercept: float, stored_range: tuple[int, int]) -> _Int16Sum | None:
    """The arithmetic of a frame, which those of a series share; None if it gives fractions."""
    if not (slope.is_integer() and intercept.is_integer()):
        return None
    low_fits, high_fits = (_fits(slope * stored + intercept) for stored in stored_range)
    return _Int16Sum(_modulo_int16(slope), _modulo_int16(intercept), low_fits, high_fits)


def _check_range(values: NDArray[Any], frame: Frame, sum_: _Int16Sum) -> None:
    """Look for HU beyond int16, only at those ends where the bits stored allow them."""
    hu = [frame.slope * int(values.min()) + frame.intercept] if not sum_.low_fits else []
    hu += [frame.slope * int(values.max()) + frame.intercept] if not sum_.high_fits else []
    if not all(map(_fits, hu)):
        found = sorted(frame.slope * int(end) + frame.intercept for end in (values.min(), values.max()))
        raise PixelError(
            f"{frame.name}: HU from {found[0]:g} to {found[1]:g}, beyond what int16 holds ({INT16_MIN} to "
            f"{INT16_MAX}); load with dtype='float32'"
        )


def _fits(hu: float) -> bool:
    return INT16_MIN <= hu <= INT16_MAX


def _modulo_int16(value: float) -> np.int16:
    return np.int16((int(value) - INT16_MIN) % (1 << 16) + INT16_MIN)


def _into_float32(values: NDArray[Any], frame: Frame, out: NDArray[np.float32]) -> None:
    slope, intercept = frame.slope, frame.intercept
    if (
        slope == 1
        and intercept.is_integer()
        and max(map(abs, frame.form.stored_range)) + abs(intercept) < EXACT_FLOAT32
    ):
        np.copyto(out, values, casting="unsafe")
        np.add(out, np.float32(intercept), out=out)
        return
    # In double precision and rounded once, as ITK does it.
    np.copyto(out, values * np.float64(slope) + np.float64(intercept), casting="same_kind")


def _padding(values: NDArray[Any], frame: Frame) -> NDArray[np.bool_] | None:
    if frame.padding is None:
        return None
    # PixelPaddingValue is often written with the wrong sign (US for a signed image): compare modulo the bits stored.
    span = 1 << frame.form.bits_stored
    low, high = frame.form.stored_range
    padding = frame.padding % span
    is_padding: NDArray[np.bool_] = values == (padding - span if padding > high and low < 0 else padding)
    return is_padding
