"""A node's own files and folders, as its settings name them."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo


def _beside_the_file(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder")
    return path if path.is_absolute() or folder is None else (folder / path).resolve()


OwnPath = Annotated[Path, AfterValidator(_beside_the_file)]
"""Relative in the settings file, it is relative to that file."""
