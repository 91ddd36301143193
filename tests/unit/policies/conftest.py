"""A copy of the policy data that a test may spoil."""

import shutil
from importlib import resources
from pathlib import Path

import pytest

DATA = Path(str(resources.files("policies").joinpath("data")))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder)
    for lexicon in (folder / "lexicons").iterdir():
        if lexicon.stem != "pt":
            lexicon.unlink()
    return folder
