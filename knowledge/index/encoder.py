"""Texts to vectors, the one place where an embedding model runs.

Everything that searches or indexes asks for an ``Encoder``. The model behind it is always a ``SentenceTransformer``, used
through ``encode_query`` and ``encode_document``: for the folder ``weights.prepare`` makes it is built around ONNX Runtime,
and any other folder or hub model is loaded as that library loads it. Questions and passages carry different prompts, so a
vector of one kind must not be compared as if it were the other.
"""

import hashlib
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import EncoderUnavailable
from knowledge.index.weights import MANIFEST, PROMPTS, SECOND, TAUGHT, changed_file, read_manifest

BATCH = 16
"""Texts a call of the model; more is no faster on a processor, and memory grows with it."""

_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


class Encoder(Protocol):
    """Turns texts into unit vectors; one object may be used by several threads at once."""

    @property
    def name(self) -> str:
        """Model and revision, such as ``multilingual-e5-small-q4@0123456789ab``; equal names make comparable vectors."""
        ...

    @property
    def dim(self) -> int:
        """Length of every vector."""
        ...

    @property
    def languages(self) -> frozenset[str]:
        """ISO 639-1 codes of what it understands; empty for any."""
        ...

    @property
    def second(self) -> "Encoder | None":
        """An encoder of another kind that is asked beside this one, where there is one."""
        ...

    @property
    def taught(self) -> "Encoder | None":
        """This encoder as it has learnt to tell our entries apart, where there is one."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector for each question, in order: float32 (n, dim), L2-normalised; (0, dim) for no texts.

        A text longer than the model reads is cut at its end.
        """
        ...

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector for each passage, as ``encode_queries`` does for questions."""
        ...


Names = tuple[str, str | None, str | None]
"""What an index was made by: the encoder, the one beside it, and the taught one."""


def names_of(encoder: Encoder) -> Names:
    """Return the names of an encoder, the one beside it, and the taught one."""
    second, taught = encoder.second, encoder.taught
    return encoder.name, second.name if second else None, taught.name if taught else None


def prepared_names(folder: Path) -> Names | None:
    """Return the names of a prepared folder's encoders without loading them; None for any other folder or name."""
    first, second, taught = (read_manifest(folder / part) for part in ("", SECOND, TAUGHT))
    return (_name(first), _name(second) if second else None, _name(taught) if taught else None) if first else None


def _name(manifest: dict[str, Any]) -> str:
    return f"{manifest['encoder']}@{manifest['revision']}"


class HashEncoder:
    """Bag of character n-grams, for tests: texts that share spellings are near. It knows nothing of meaning.

    Deterministic across processes and machines, and needs no model. Questions and passages are encoded alike.
    """

    def __init__(self, dim: int = 64) -> None:
        self._dim = dim

    @property
    def name(self) -> str:
        """``hash@1``."""
        return "hash@1" if self._dim == 64 else f"hash{self._dim}@1"

    @property
    def dim(self) -> int:
        """Length of every vector."""
        return self._dim

    @property
    def languages(self) -> frozenset[str]:
        """None in particular."""
        return frozenset()

    @property
    def second(self) -> Encoder | None:
        """None."""
        return None

    @property
    def taught(self) -> Encoder | None:
        """None."""
        return None

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 (n, dim), L2-normalised, in order."""
        rows = np.zeros((len(texts), self._dim), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for gram in _grams(text):
                digest = hashlib.blake2b(gram.encode(), digest_size=8).digest()
                row[int.from_bytes(digest[:4], "big") % self._dim] += 1.0 if digest[4] & 1 else -1.0
            if not row.any():  # everything cancelled out: a unit vector is owed all the same
                row[0] = 1.0
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 (n, dim), L2-normalised, in order."""
        return self.encode_queries(texts)


def _grams(text: str) -> Iterator[str]:
    """Two to four neighbouring characters of each word, its ends marked by spaces."""
    for word in text.casefold().split() or [""]:
        padded = f" {word} "
        for size in (2, 3, 4):
            for start in range(max(1, len(padded) - size + 1)):
                yield padded[start : start + size]


class SentenceTransformerEncoder:
    """A ``SentenceTransformer`` with its two prompts.

    ``parallel`` says whether its modules may run in several threads at once. Those around ONNX Runtime may; the ordinary
    tokenizers change their own settings while they work, so there one call waits for another. ``alone`` encodes one prompted
    text without the library's loop over batches, which takes a third of a millisecond of a question's four.
    """

    def __init__(
        self,
        model: Any,
        *,
        name: str,
        query_prompt: str,
        passage_prompt: str,
        parallel: bool,
        languages: frozenset[str] = frozenset(),
        second: Encoder | None = None,
        taught: Encoder | None = None,
        alone: Callable[[str], NDArray[np.float32]] | None = None,
    ) -> None:
        self._model = model
        self._name = name
        self._languages = languages
        self._alone = alone
        self._second = second
        self._taught = taught
        self._query_prompt = query_prompt
        self._passage_prompt = passage_prompt
        self._guard: AbstractContextManager[Any] = nullcontext() if parallel else threading.Lock()
        self._dim = int(model.get_embedding_dimension())

    @property
    def name(self) -> str:
        """Model and revision."""
        return self._name

    @property
    def dim(self) -> int:
        """Length of every vector."""
        return self._dim

    @property
    def languages(self) -> frozenset[str]:
        """ISO 639-1 codes of what it understands; empty for any."""
        return self._languages

    @property
    def second(self) -> Encoder | None:
        """The encoder beside this one."""
        return self._second

    @property
    def taught(self) -> Encoder | None:
        """This encoder as it has learnt to tell our entries apart."""
        return self._taught

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 (n, dim), L2-normalised, in order."""
        if self._alone is not None and len(texts) == 1:
            return self._alone(f"{self._query_prompt}{texts[0].rstrip()}")
        return self._encode(self._model.encode_query, texts, self._query_prompt)

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 (n, dim), L2-normalised, in order."""
        return self._encode(self._model.encode_document, texts, self._passage_prompt)

    def _encode(self, encode: Callable[..., Any], texts: Sequence[str], prompt: str) -> NDArray[np.float32]:
        if not texts:
            return np.zeros((0, self._dim), np.float32)
        with self._guard:
            rows = encode(
                list(texts),
                prompt=prompt,
                batch_size=BATCH,
                show_progress_bar=False,
                convert_to_numpy=True,
                normalize_embeddings=True,
            )
        return np.ascontiguousarray(rows, dtype=np.float32)


def open_encoder(name_or_folder: str, threads: int) -> Encoder:
    """Return the encoder of a prepared folder, of a folder or hub name sentence-transformers knows, or ``hash`` by that name.

    ``threads`` is how many cores one call of the model may use. A prepared folder takes one to two seconds once PyTorch is
    imported; its files are compared with the hashes in its manifest.

    A name is taken for one of the hub when it has the form ``owner/model`` and no such owner folder exists here; without a
    connection the library tries for about a minute. Models other than ours use the prompts they were saved with; if there
    are none, those of the E5 family when ``e5`` is in the name, and none otherwise.

    Raises:
        EncoderUnavailable: nothing is there, a file is missing or damaged, or the model does not load.
    """
    if name_or_folder == "hash":
        return HashEncoder()
    # Read when tokenizers starts its first pool; a process that forks later would otherwise be warned about, or block.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    folder = Path(name_or_folder).expanduser()
    if (folder / MANIFEST).exists():
        return _open_prepared(folder, threads)
    if folder.is_dir() and any((folder / file).is_file() for file in ("modules.json", "config.json")):
        return _open_ordinary(str(folder), threads, revision=_fingerprint(folder))
    owner = folder.parent
    if not folder.exists() and _HUB_NAME.fullmatch(name_or_folder) and owner.name != "var" and not owner.is_dir():
        return _open_ordinary(name_or_folder, threads, revision=None)
    raise EncoderUnavailable(f"There is no encoder in {name_or_folder}: run `make setup`.")


def _open_prepared(folder: Path, threads: int) -> Encoder:
    manifest = read_manifest(folder)
    if manifest is None:
        raise EncoderUnavailable(f"The encoder in {folder} is incomplete: run `make setup`.")
    try:
        if (name := changed_file(folder, manifest)) is not None:
            raise EncoderUnavailable(f"{name} of the encoder in {folder} is damaged: remove the folder and run `make setup`.")
        from sentence_transformers import SentenceTransformer

        prompts = {kind: str(manifest["prompts"][kind]) for kind in ("query", "passage")}
        # The library looks for "document" before "passage", and sets it to nothing when it is not given.
        named = {**prompts, "document": prompts["passage"]}
        module = _onnx_module(folder, dim=int(manifest["dim"]), max_tokens=int(manifest["max_tokens"]), threads=threads)
        return SentenceTransformerEncoder(
            SentenceTransformer(modules=[module], prompts=named, device="cpu"),
            name=_name(manifest),
            query_prompt=prompts["query"],
            passage_prompt=prompts["passage"],
            parallel=True,
            alone=module.alone,
            languages=frozenset(manifest["languages"]),
            second=_open_prepared(folder / SECOND, threads=1) if (folder / SECOND).is_dir() else None,
            taught=_open_prepared(folder / TAUGHT, threads) if (folder / TAUGHT).is_dir() else None,
        )
    except EncoderUnavailable:
        raise
    except Exception as error:
        raise EncoderUnavailable(f"The encoder in {folder} does not load ({error}): run `make setup`.") from error


def _open_ordinary(source: str, threads: int, *, revision: str | None) -> Encoder:
    try:
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(threads)
        model = SentenceTransformer(source, local_files_only=revision is not None)
        given = {kind: text for kind, text in model.prompts.items() if text}
        query, passage = given.get("query", ""), given.get("document") or given.get("passage") or ""
        if not given and "e5" in Path(source).name.casefold():
            query, passage = PROMPTS["query"], PROMPTS["passage"]
        return SentenceTransformerEncoder(
            model,
            name=f"{Path(source).name}@{revision or model.model_card_data.base_model_revision or 'unversioned'}",
            query_prompt=query,
            passage_prompt=passage,
            parallel=False,
        )
    except Exception as error:  # the library, its hub client and PyTorch each have their own
        raise EncoderUnavailable(
            f"The model {source} does not load ({error}). Check the name and the connection, or run `make setup` for ours."
        ) from error


def _fingerprint(folder: Path) -> str:
    """Twelve hex digits over every file's name and size and its first MiB, so that a large model is not read twice."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}:{path.stat().st_size}:".encode())
        with path.open("rb") as file:
            digest.update(file.read(1 << 20))
    return digest.hexdigest()[:12]


def _onnx_module(folder: Path, *, dim: int, max_tokens: int, threads: int) -> Any:
    """Return a sentence-transformers input module around the folder's session; the graph pools and normalises by itself.

    The class is made here because its base takes PyTorch with it, which ``waypost --help`` must not wait for. The library's
    own ``backend="onnx"`` needs optimum, whose releases so far do not allow the transformers version it requires.
    """
    import onnxruntime as ort
    import torch
    from sentence_transformers.base.modules import InputModule
    from tokenizers import Tokenizer

    class OnnxModule(InputModule):  # type: ignore[misc]  # untyped library
        def __init__(self) -> None:
            super().__init__()
            self.max_seq_length = max_tokens
            self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self.tokenizer.enable_truncation(max_tokens)
            self.tokenizer.enable_padding()  # with any id: the mask hides it
            options = ort.SessionOptions()
            options.intra_op_num_threads = threads
            options.inter_op_num_threads = 1
            options.log_severity_level = 3
            # Threads that wait for the next question busily take the cores from whatever answers this one.
            options.add_session_config_entry("session.force_spinning_stop", "1")
            self.session = ort.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])

        def get_embedding_dimension(self) -> int:
            return dim

        def preprocess(self, inputs: Sequence[str], prompt: str | None = None, **_: Any) -> dict[str, Any]:
            encodings = self.tokenizer.encode_batch([f"{prompt or ''}{text.rstrip()}" for text in inputs])
            return {
                "input_ids": torch.tensor([encoding.ids for encoding in encodings], dtype=torch.int64),
                "attention_mask": torch.tensor([encoding.attention_mask for encoding in encodings], dtype=torch.int64),
            }

        def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
            feed = {name: features[name].numpy() for name in ("input_ids", "attention_mask")}
            features["sentence_embedding"] = torch.from_numpy(self.session.run(["sentence_embedding"], feed)[0])
            return features

        def alone(self, text: str) -> NDArray[np.float32]:
            """Return the vector of one text as (1, dim), prompt and all."""
            ids = np.array([self.tokenizer.encode(text).ids], np.int64)
            rows: NDArray[np.float32] = self.session.run(
                ["sentence_embedding"], {"input_ids": ids, "attention_mask": np.ones_like(ids)}
            )[0]
            return rows

        def save(self, output_path: str, *_: Any, **__: Any) -> None:
            for name in ("model.onnx", "tokenizer.json", MANIFEST):
                shutil.copy2(folder / name, output_path)

    return OnnxModule()
