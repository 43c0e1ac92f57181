"""Pickles are read without running what is in them."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hilum.errors import FormatError
from hilum.findings import pickles
from hilum.findings.pickles import PickledArray, read_pickle

ARRAYS = [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.arange(6, dtype=">f8").reshape(3, 2),
    np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)),
    np.zeros((0, 6)),
    np.array([True, False]),
    np.arange(10, dtype=np.uint8)[::2],
]


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_arrays_of_numbers_come_back(tmp_path: Path, array: Any, protocol: int) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"a": array}, protocol=protocol))
    found = read_pickle(path)["a"]
    assert isinstance(found, PickledArray)
    np.testing.assert_array_equal(found.to_numpy(), array)


@pytest.mark.parametrize("protocol", range(6))
def test_containers_and_scalars_come_back(tmp_path: Path, protocol: int) -> None:
    content = {"a": [1, 2.5, None, True], "b": ("x", {3, 4}), "c": OrderedDict(d=b"e"), "f": 1 + 2j}
    path = tmp_path / "a.pkl"
    if protocol < 3:
        del content["c"]  # bytes are text made by a codec there
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    assert read_pickle(path) == content


def test_a_numpy_scalar_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(np.float32(0.5)))
    assert read_pickle(path) == 0.5


class Attack:
    """Writes a file when it is unpickled as pickles usually are."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_code_is_refused_by_name_and_never_run(tmp_path: Path) -> None:
    path, trace = tmp_path / "a.pkl", tmp_path / "trace"
    path.write_bytes(pickle.dumps({"pred_boxes": Attack(trace)}))
    with pytest.raises(FormatError, match=r"a\.pkl: the pickle names .*pathlib"):
        read_pickle(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    "name",
    ["os system", "builtins eval", "builtins getattr", "subprocess Popen", "torch._utils _rebuild_tensor_v2",
     "numpy load", "numpy.core.multiarray fromfile", "hilum.findings.pickles read_pickle"],
)  # fmt: skip
def test_names_are_refused(tmp_path: Path, name: str) -> None:
    module, attribute = name.split()
    path = tmp_path / "a.pkl"
    path.write_bytes(f"c{module}\n{attribute}\n.".encode())
    with pytest.raises(FormatError, match=f"names {module}.{attribute}, which could run code"):
        read_pickle(path)


def test_no_pickle_changes_the_stand_ins(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    # GLOBAL numpy dtype; (None, {"__doc__": "x"}); BUILD, which sets attributes
    path.write_bytes(b"\x80\x02cnumpy\ndtype\nN}X\x07\x00\x00\x00__doc__X\x01\x00\x00\x00xs\x86b.")
    with pytest.raises(FormatError, match="would change a function"):
        read_pickle(path)


@pytest.mark.parametrize(
    "array", [np.array([{}], dtype=object), np.array(["text"]), np.zeros(1, dtype=[("a", "f4")]), np.zeros(1, "M8[s]")]
)
def test_arrays_of_other_things_are_refused(tmp_path: Path, array: Any) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(array))
    with pytest.raises(FormatError, match=r"whole numbers, floats or booleans|names"):
        read_pickle(path).to_numpy()


@pytest.mark.parametrize("shape", [(3,), (10**12,), (-2,), (2.0,), 2, (2, 0)])
def test_a_shape_that_the_bytes_do_not_fill_is_refused(shape: Any) -> None:
    found = pickles._from_buffer(b"\0" * 16, pickles._Dtype("f8"), shape, "C")
    with pytest.raises(FormatError, match="do not belong together"):
        found.to_numpy()


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cut=st.integers(0, 200), change=st.tuples(st.integers(0, 200), st.integers(0, 255)))
def test_damaged_pickles_raise_our_error_alone(tmp_path: Path, cut: int, change: tuple[int, int]) -> None:
    content = bytearray(pickle.dumps({"pred_boxes": np.zeros((2, 6), np.float32), "pred_scores": [0.5, 0.25]}))
    content[change[0] % len(content)] = change[1]
    path = tmp_path / "a.pkl"
    path.write_bytes(content[: len(content) - cut % 40])
    try:
        found = read_pickle(path)
        for value in found.values() if isinstance(found, dict) else ():
            if isinstance(value, PickledArray):
                value.to_numpy()
    except FormatError:
        pass
