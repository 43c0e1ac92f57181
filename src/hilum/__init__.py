"""hilum: a research CT archive of your own, from the download to the FROC curve.

The names below load their package when first used, so that ``import hilum`` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hilum.assess import assess
    from hilum.catalog import Archive
    from hilum.model.findings import Lesion, Mark
    from hilum.model.geometry import Geometry
    from hilum.volume import Volume, load

__version__ = "0.1.0"
__all__ = ["Archive", "Geometry", "Lesion", "Mark", "Volume", "__version__", "assess", "load"]

_HOMES = {
    "Archive": "hilum.catalog",
    "Geometry": "hilum.model.geometry",
    "Lesion": "hilum.model.findings",
    "Mark": "hilum.model.findings",
    "Volume": "hilum.volume",
    "assess": "hilum.assess",
    "load": "hilum.volume",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'hilum' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
