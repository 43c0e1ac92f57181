"""Pickles from elsewhere, read without running anything of theirs: NumPy arrays and built-in containers alone.

A pickle is a program. Here it may name nothing but the handful of functions by which NumPy's arrays are put together,
and even these are stand-ins of ours that only note what they are given. Whatever else a pickle names is refused by
name.

References
----------
Python library reference, ``pickle``, "Restricting globals"; NumPy, ``ndarray.__reduce__`` and NEP 1 (dtype letters).
"""

from __future__ import annotations

import io
import math
import pickle
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

_PLAIN_DTYPE = re.compile(r"[<>=|]?[biuf][1248]")
"""Booleans, whole numbers and floats; no objects, records or texts."""


def read_pickle(path: Path) -> Any:
    """Read a pickle of numbers, texts, NumPy arrays and built-in containers.

    Returns
    -------
    What it holds; NumPy arrays are `PickledArray`.

    Raises
    ------
    FormatError
        The file is damaged, or names anything else than what arrays of numbers need.
    """
    content = path.read_bytes()
    try:
        return _Restricted(io.BytesIO(content)).load()
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
    except Exception as error:
        raise FormatError(f"{path}: no readable pickle ({type(error).__name__}: {error}); write it again") from error


class PickledArray:
    """What a pickle says of an array; only `to_numpy` makes one of it."""

    def __init__(self) -> None:
        self._state: tuple[Any, ...] | None = None

    def __setstate__(self, state: Any) -> None:
        self._state = state

    def to_numpy(self) -> NDArray[Any]:
        """The array.

        Raises
        ------
        FormatError
            Shape, type and bytes do not belong together.
        """
        if not isinstance(self._state, tuple) or len(self._state) != 5:
            raise FormatError("an array without shape, type and bytes; write the pickle again")
        _, shape, dtype, is_fortran, data = self._state
        return _array(data, dtype, shape, "F" if is_fortran else "C")


class _Dtype:
    """What a pickle says of the type of an array's numbers."""

    def __init__(self, text: object, *_: object) -> None:
        self._text = str(text)
        self._order = "<"

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">", "=", "|"):
            self._order = str(state[1])

    def to_numpy(self) -> np.dtype[Any]:
        if not _PLAIN_DTYPE.fullmatch(self._text):
            raise FormatError(f"an array of type {self._text!r}; expected whole numbers, floats or booleans")
        kind = np.dtype(self._text)
        return kind.newbyteorder(">") if self._order == ">" else kind.newbyteorder("<")


def _reconstruct(*_: object) -> PickledArray:
    return PickledArray()


def _from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> PickledArray:
    found = PickledArray()
    found.__setstate__((1, shape, dtype, order == "F", data))
    return found


def _scalar(dtype: Any, data: Any) -> Any:
    return _array(data, dtype, (), "C")[()]


def _array(data: Any, dtype: Any, shape: Any, order: Any) -> NDArray[Any]:
    if not isinstance(dtype, _Dtype) or not isinstance(data, bytes | bytearray):
        raise FormatError("an array of other things than numbers; expected whole numbers, floats or booleans")
    kind = dtype.to_numpy()
    is_shape = isinstance(shape, tuple) and all(isinstance(side, int) and side >= 0 for side in shape)
    if not is_shape or math.prod(shape) * kind.itemsize != len(data):
        raise FormatError(f"an array of shape {shape} and {len(data)} bytes, which do not belong together")
    return np.frombuffer(bytes(data), kind).reshape(shape, order="F" if order == "F" else "C")


_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
"""Where NumPy 1 and NumPy 2 keep them."""


class _Stand:
    """Stands for a name in a pickle: it can be called, and nothing of it can be changed."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __call__(self, *arguments: Any) -> Any:
        return self._make(*arguments)

    def __setstate__(self, _: object) -> None:
        raise FormatError("the pickle would change a function; only NumPy arrays of numbers are read")


_ALLOWED = {
    **{(module, "_reconstruct"): _Stand(_reconstruct) for module in _MULTIARRAY},
    **{(module, "scalar"): _Stand(_scalar) for module in _MULTIARRAY},
    **{(module, "_frombuffer"): _Stand(_from_buffer) for module in _NUMERIC},
    ("numpy", "ndarray"): _Stand(_reconstruct),
    ("numpy", "dtype"): _Stand(_Dtype),
    ("collections", "OrderedDict"): _Stand(dict),
    **{
        (module, kind.__name__): _Stand(kind)
        for module in ("builtins", "__builtin__")  # as Python 3 and Python 2 call it
        for kind in (set, frozenset, complex, bytearray)
    },
}


class _Restricted(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Give what stands for a name, or refuse it."""
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise FormatError(
                f"the pickle names {module}.{name}, which could run code of its author; only NumPy arrays of numbers "
                "and built-in containers are read. Write the boxes as NumPy arrays, or as CSV"
            ) from None
