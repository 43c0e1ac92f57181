"""Settings: what the environment decides, each documented in one place.

Every setting has a default that works on a laptop. The command line's options win over the environment.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from hilum.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVE_PREFIX = "HILUM_SERVE_"
"""Beginning of the variables that `hilum.serve.options` reads."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be set from the environment.

    Attributes
    ----------
    archive
        Folder of the archive (``HILUM_ARCHIVE``); empty: the command asks for ``--archive``.
    workers
        Worker processes (``HILUM_WORKERS``); 0: one a processor core.
    dask
        Address of a Dask scheduler to run on instead of local processes (``HILUM_DASK``); empty: local.
    """

    archive: str = ""
    workers: int = 0
    dask: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read ``HILUM_*`` variables.

        Raises
        ------
        ConfigError
            A value has the wrong form, or a ``HILUM_*`` variable is none of the settings.
        """
        found = {
            name.removeprefix("HILUM_").lower(): value
            for name, value in (os.environ if environment is None else environment).items()
            if name.startswith("HILUM_") and not name.startswith(SERVE_PREFIX)
        }
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(found) - known):
            names = ", ".join(f"HILUM_{name.upper()}" for name in unknown)
            expected = ", ".join(f"HILUM_{name.upper()}" for name in sorted(known))
            raise ConfigError(f"unknown setting {names}; hilum knows {expected}. Unset it or correct its name.")
        return cls(
            archive=found.get("archive", ""),
            workers=_count("HILUM_WORKERS", found.get("workers", "0")),
            dask=found.get("dask", ""),
        )

    @property
    def worker_count(self) -> int:
        """Worker processes to start, at least 1."""
        return self.workers or len(os.sched_getaffinity(0))


def _count(name: str, text: str) -> int:
    if not text.isdecimal():
        raise ConfigError(f"{name}={text!r}: expected a whole number, 0 for one a processor core")
    return int(text)
