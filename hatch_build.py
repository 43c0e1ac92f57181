"""Build the one module in C beside the Python it serves, where a compiler is; hilum works without it, slower."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompiledModules(BuildHookInterface[Any]):
    """Adds what was compiled to the wheel, for every Python from 3.11 on."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 (hatchling names it)
        """Compile, and say what wheel it makes; that no compiler was there is a warning."""
        from setuptools import Distribution, Extension

        module = Extension(
            "hilum.acquire._md5",
            ["src/hilum/acquire/_md5.c"],
            extra_compile_args=["-O3"],
            py_limited_api=True,
            optional=True,
        )
        command = Distribution({"ext_modules": [module], "package_dir": {"": "src"}}).get_command_obj("build_ext")
        command.inplace = True
        with TemporaryDirectory() as folder:
            command.build_temp = folder
            command.ensure_finalized()
            command.run()
        if Path(command.get_ext_fullpath(module.name)).exists():
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["artifacts"].append("src/hilum/acquire/_md5*.so")
            build_data["tag"] = f"cp311-abi3-{platform}"
            build_data["pure_python"] = False
