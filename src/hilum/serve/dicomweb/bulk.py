"""A value of an object that its metadata give by address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hilum.serve.dicomweb.problem import NOT_FOUND, ProblemError, not_found

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from hilum.serve.dicomweb.found import FoundInstance


def read_element(instance: FoundInstance, place: str) -> bytes:
    """Bytes of a value.

    Parameters
    ----------
    place
        Tag of eight digits; before it, for a value within sequences, tag and item number of each (0-based), all
        divided by slashes.

    Raises
    ------
    ProblemError
        404: the object has no such value.
    """
    import pydicom

    *way, last = place.split("/")
    try:
        dataset: Dataset = pydicom.dcmread(instance.path, stop_before_pixels=True, force=True)
        for tag, item in zip(way[::2], way[1::2], strict=True):
            dataset = dataset[int(tag, 16)].value[int(item)]
        return _raw(dataset, int(last, 16))
    except OSError as error:
        raise ProblemError(NOT_FOUND, "the file is not where it was indexed; tell the steward") from error
    except Exception as error:  # what is not there, and whatever a damaged file makes pydicom stumble on
        raise not_found() from error


def _raw(dataset: Dataset, tag: int) -> bytes:
    element: Any = dataset.get_item(tag)
    value = element.value
    if not isinstance(value, bytes):
        raise TypeError(f"a value of {type(value).__name__}")
    return value
