"""A series read as a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from hilum.model.series import Series
from hilum.volume.frames import FRAME_COLUMNS
from hilum.volume.multiframe import frames_of
from hilum.volume.pixels import read_frames
from hilum.volume.source import read_series
from hilum.volume.stacking import records_of, stack_series
from hilum.volume.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


def load(
    source: Series | str | Path | Sequence[str | Path],
    *,
    dtype: Literal["int16", "float32"] = "int16",
    allow: Collection[str] = (),
    padding_hu: float | None = None,
    threads: int | None = None,
    out: NDArray[Any] | None = None,
) -> Volume:
    """Read a series as a volume, slices in ascending position along row × column.

    Parameters
    ----------
    source
        A series of a catalog, a folder that holds one series, or the files of one series.
    dtype
        Type of the voxels. HU that int16 cannot hold are an error, never rounded or clipped.
    allow
        Checks that may fail (`hilum.volume.stacking.ALLOWABLE`).
    padding_hu
        HU given to voxels whose stored value is PixelPaddingValue. None: they keep what slope and intercept make of
        it (-3024 HU where GE pads with -2000), as other readers do.
    threads
        Threads that read and decode; one a processor core when absent.
    out
        Array of the volume's shape and `dtype` that the HU are written into, instead of a new one: who loads many
        volumes of one shape saves the time in which the system clears new memory.

    Raises
    ------
    NotAVolumeError
        The series is no regular stack; `check` names why.
    PixelError
        Pixel data is absent, short, in colour or cannot be decoded, or its HU do not fit in `dtype`.
    HeaderError, NotFoundError, FormatError
        Files are not DICOM, not there, or of several series.
    ValueError
        `allow` names a check that cannot be waived, `padding_hu` does not fit in `dtype`, `dtype` is another, or `out`
        has another shape or type.
    """
    _check_padding(padding_hu, dtype)
    series = source if isinstance(source, Series) else read_series(source)
    records = records_of(series, FRAME_COLUMNS if series.is_simple_stack else None)
    places, geometry = stack_series(series, records, allow)
    frames = frames_of(records, places)
    return Volume(read_frames(frames, dtype, padding_hu=padding_hu, threads=threads, out=out), geometry)


def _check_padding(padding_hu: float | None, dtype: str) -> None:
    if padding_hu is not None and dtype == "int16" and not (-32768 <= padding_hu <= 32767 and padding_hu % 1 == 0):
        raise ValueError(f"padding_hu={padding_hu}: int16 cannot hold it; load with dtype='float32'")
