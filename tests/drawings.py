"""A CT series, a mask drawn on it, and the DICOM segmentation of that mask, to be spoilt by tests."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom

from builders import CtSeries
from hilum.findings.segmentation_header import Kind
from hilum.findings.segmentation_writing import write_segmentation
from hilum.model.findings import FindingSet
from hilum.model.masks import LabelMask, Segment
from hilum.volume.source import read_series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from hilum.model.series import Series

SHAPE = (6, 15, 17)
"""255 pixels a frame: frames do not begin with a byte."""


def two_nodes() -> NDArray[np.uint8]:
    """Two labels, with empty slices between and beside them."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:3, 2:6, 3:9] = 1
    labels[2, 14, 16] = 2
    labels[4, 8:12, 1:7] = 2
    return labels


@dataclass(frozen=True)
class Drawing:
    """A mask on a series, and the file it was written to."""

    series: Series
    labels: NDArray[Any]
    path: Path

    def spoil(self, change: Callable[[Dataset], None]) -> Path:
        """Change the data set of the file; give the path."""
        dataset = pydicom.dcmread(self.path)
        change(dataset)
        dataset.save_as(self.path)
        return self.path


def ct(folder: Path, **changed: Any) -> Series:
    """Write a CT series of `SHAPE` and read it."""
    CtSeries(**{"shape": SHAPE, **changed}).write(folder)
    return read_series(folder)


def draw(
    folder: Path,
    labels: NDArray[Any] | None = None,
    *,
    kind: Kind = Kind.BINARY,
    segments: dict[int, Segment] | None = None,
    over: tuple[NDArray[Any], ...] = (),
) -> Drawing:
    """Write a series, and a segmentation of it."""
    drawn = two_nodes() if labels is None else labels
    series = ct(folder / "ct", shape=drawn.shape)
    mask = LabelMask(drawn, series.geometry, segments or {}, over)
    write_segmentation(folder / "drawn.seg.dcm", FindingSet(series.uid, mask=mask), series, kind=kind)
    return Drawing(series, drawn, folder / "drawn.seg.dcm")


@contextmanager
def closed(image: Any) -> Iterator[Any]:
    """Give an image of highdicom; close its database in memory afterwards, which highdicom itself has no way to do."""
    with closing(image._db_con):
        yield image
