"""Where the sentence encoders lie that `waypost setup` has made, and which they are.

Standard library only: train.py needs it under any Python, the featurizer under Rasa's.
"""

import json
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEFAULT = HERE.parent / "var" / "encoder"


class EncoderMissing(Exception):
    """There is no prepared encoder; the text says where it was looked for and what to do."""


def encoder_folders(environ: Mapping[str, str]) -> list[Path]:
    """Return the folders of the encoder that was taught to understand and of the second.

    ``WAYPOST_NLU_ENCODER`` names the folder they lie in; the default is the one `waypost setup` makes.

    Raises:
        EncoderMissing: one of them holds no manifest.
    """
    folder = Path(environ.get("WAYPOST_NLU_ENCODER") or DEFAULT)
    folders = [folder / "understanding", folder / "second"]
    for folder in folders:
        if not (folder / "manifest.json").is_file():
            raise EncoderMissing(f"There is no encoder in {folder}: run `make setup`, or set WAYPOST_NLU_ENCODER.")
    return folders


def encoder_names(environ: Mapping[str, str]) -> list[str]:
    """Return model and revision of both: equal names make equal vectors.

    Raises:
        EncoderMissing: as `encoder_folders` does.
    """
    manifests = [json.loads((folder / "manifest.json").read_text(encoding="utf-8")) for folder in encoder_folders(environ)]
    return [f"{manifest['encoder']}@{manifest['revision']}" for manifest in manifests]
