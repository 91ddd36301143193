"""A sound library of its own for each test that spoils one."""

from pathlib import Path

import pytest
from unit.knowledge.library_samples import write_library


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Return the folder of a small library in which nothing is to be mended."""
    return write_library(tmp_path)
