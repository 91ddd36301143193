"""One suite over the encoder for tests and the two real models, and what only those promise."""

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge.errors import EncoderUnavailable
from knowledge.index.adapter import read_adapter, write_adapter
from knowledge.index.encoder import Encoder, HashEncoder, names_of, open_encoder, prepared_names
from knowledge.index.weights import ADAPTERS, SECOND, TAUGHT, UNDERSTANDING, prepare

ROOT = Path(__file__).parents[2]
GOLDEN = json.loads(Path(__file__).with_name("golden_vectors.json").read_text(encoding="utf-8"))
TEXTS = [
    "How do I renew my residence permit?",
    "Comment renouveler mon titre de séjour ?",
    "كيف أجدد تصريح الإقامة؟",
    "می‌خواهم فرزندم را در مدرسه ثبت‌نام کنم",
    "የመኖሪያ ፈቃዴን እንዴት ማደስ እችላለሁ?",
    "👨‍👩‍👧‍👦 🆘",
    "",
]
FILES = ["manifest.json", "model.onnx", "tokenizer.json"]
BELOW = (SECOND, TAUGHT, UNDERSTANDING)
ALIKE = 0.99
"""Least cosine between vectors of one text: activations of a call share one eight-bit scale, so the texts beside it matter."""
TAUGHT_ALIKE = 0.92
"""The same of the taught encoder: it pulls topics apart, and what was rounded with them."""


def numbers(written: str) -> NDArray[np.float32]:
    return np.frombuffer(base64.b64decode(written), "<f2").astype(np.float32)


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def flip_a_bit(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))


@pytest.fixture(scope="session")
def folder() -> Path:
    return prepare(ROOT / "var" / "encoder", print)


@pytest.fixture(scope="session")
def model(folder: Path) -> Encoder:
    return open_encoder(str(folder), threads=2)


@pytest.fixture(scope="session")
def second(model: Encoder) -> Encoder:
    assert model.second is not None
    return model.second


@pytest.fixture(scope="session")
def taught(model: Encoder) -> Encoder:
    assert model.taught is not None
    return model.taught


class TestEncoders:
    @pytest.fixture(params=["hash", "model", "second", "taught"])
    def encoder(self, request: pytest.FixtureRequest) -> Encoder:
        encoder: Encoder = HashEncoder() if request.param == "hash" else request.getfixturevalue(request.param)
        return encoder

    def test_every_text_gets_a_unit_vector_of_float32(self, encoder: Encoder) -> None:
        for rows in (encoder.encode_queries(TEXTS), encoder.encode_passages(TEXTS)):
            assert rows.shape == (len(TEXTS), encoder.dim)
            assert rows.dtype == np.float32
            np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)

    def test_no_texts_make_no_rows(self, encoder: Encoder) -> None:
        for rows in (encoder.encode_queries([]), encoder.encode_passages(())):
            assert rows.shape == (0, encoder.dim)
            assert rows.dtype == np.float32

    def test_the_same_text_gets_the_same_vector(self, encoder: Encoder) -> None:
        np.testing.assert_array_equal(encoder.encode_queries(TEXTS), encoder.encode_queries(TEXTS))

    def test_a_vector_hardly_depends_on_the_texts_beside_it(self, encoder: Encoder) -> None:
        many = TEXTS * 5
        alone = np.concatenate([encoder.encode_passages([text]) for text in TEXTS] * 5)
        least = TAUGHT_ALIKE if "-taught@" in encoder.name else ALIKE
        assert np.min(np.sum(encoder.encode_passages(many) * alone, axis=1)) > least

    def test_a_long_text_is_cut_and_does_not_fail(self, encoder: Encoder) -> None:
        rows = encoder.encode_passages(["permit " * 5_000, "إقامة " * 5_000])
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)

    def test_threads_share_one_encoder(self, encoder: Encoder) -> None:
        alone = encoder.encode_queries(TEXTS)
        with ThreadPoolExecutor(4) as pool:
            for rows in pool.map(lambda _: encoder.encode_queries(TEXTS), range(12)):
                np.testing.assert_allclose(rows, alone, atol=1e-6)

    def test_alike_texts_are_nearer_than_others(self, encoder: Encoder) -> None:
        asked = encoder.encode_queries(["renew a residence permit"])
        near, far = encoder.encode_passages(["Residence permits: how to renew one", "The canteen opens at noon"]) @ asked[0]
        assert near > far

    def test_the_name_carries_a_revision(self, encoder: Encoder) -> None:
        model, _, revision = encoder.name.partition("@")
        assert model
        assert revision

    def test_an_encoder_beside_it_has_another_name_and_none_beside_itself(self, encoder: Encoder) -> None:
        if encoder.second is not None:
            assert encoder.second.name != encoder.name
            assert encoder.second.second is None
            assert encoder.second.languages


class TestModel:
    @pytest.mark.parametrize("golden", GOLDEN["texts"], ids=lambda golden: golden["text"][:12])
    def test_vectors_are_those_of_the_float32_reference(self, model: Encoder, golden: dict[str, Any]) -> None:
        text = golden["text"]
        found = {"query": model.encode_queries([text])[0], "passage": model.encode_passages([text])[0]}
        for kind, row in found.items():
            np.testing.assert_allclose(row[:16], golden[kind], atol=GOLDEN["tolerance"])
            whole = numbers(golden[f"{kind}_float16"])
            np.testing.assert_allclose(whole[:16], golden[kind], atol=1e-4)
            assert row @ whole > GOLDEN["cosine"]

    @pytest.mark.parametrize("golden", GOLDEN["second"]["texts"], ids=lambda golden: golden["language"])
    def test_vectors_of_the_second_are_those_of_its_own_engine(self, second: Encoder, golden: dict[str, Any]) -> None:
        for rows in (second.encode_queries([golden["text"]]), second.encode_passages([golden["text"]])):
            assert rows[0] @ numbers(golden["float16"]) > GOLDEN["second"]["cosine"]

    @pytest.mark.parametrize(("kind", "prompt"), [("encode_queries", "query: "), ("encode_passages", "passage: ")])
    def test_the_prompt_is_put_before_the_text_letter_by_letter(
        self, model: Encoder, folder: Path, kind: str, prompt: str
    ) -> None:
        from onnxruntime import InferenceSession
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        session = InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
        for text in ("x", *TEXTS):
            ids = np.array([tokenizer.encode(prompt + text).ids], np.int64)
            (expected,) = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
            np.testing.assert_allclose(getattr(model, kind)([text]), expected, atol=1e-5)

    def test_a_question_finds_its_passage_across_languages(self, model: Encoder) -> None:
        passages = ["Residence permits are renewed at the town hall.", "The canteen opens at noon.", "Schools enrol in May."]
        questions = ["Comment renouveler mon titre de séjour ?", "متى تفتح الكافتيريا؟", "Как записать ребёнка в школу?"]
        nearest = np.argmax(model.encode_queries(questions) @ model.encode_passages(passages).T, axis=1)
        assert nearest.tolist() == [0, 1, 2]

    def test_the_second_knows_its_languages_and_finds_across_them(self, model: Encoder, second: Encoder) -> None:
        assert (model.languages, len(second.languages), second.dim) == (frozenset(), 15, 512)
        assert {"en", "ar", "fr", "zh"} < second.languages
        passages = ["Residence permits are renewed at the town hall.", "The canteen opens at noon.", "Schools enrol in May."]
        questions = ["Comment renouveler mon titre de séjour ?", "متى تفتح الكافتيريا؟", "Как записать ребёнка в школу?"]
        nearest = np.argmax(second.encode_queries(questions) @ second.encode_passages(passages).T, axis=1)
        assert nearest.tolist() == [0, 1, 2]

    def test_names_can_be_had_without_loading(self, model: Encoder, folder: Path, tmp_path: Path) -> None:
        assert prepared_names(folder) == names_of(model)
        assert prepared_names(tmp_path) is None
        assert prepared_names(Path("hash")) is None

    def test_one_core_gives_what_two_give(self, model: Encoder, folder: Path) -> None:
        single = open_encoder(str(folder), threads=1)
        assert single.name == model.name
        np.testing.assert_allclose(single.encode_queries(TEXTS), model.encode_queries(TEXTS), atol=1e-4)

    def test_tokens_are_those_of_the_published_tokenizer(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        for golden in GOLDEN["tokens"]:
            assert tokenizer.encode(golden["text"]).ids == golden["ids"], golden["text"]
        tokenizer = Tokenizer.from_file(str(folder / SECOND / "tokenizer.json"))
        for golden in GOLDEN["second"]["texts"]:
            assert tokenizer.encode(golden["text"]).ids == golden["ids"], golden["text"]

    def test_nothing_heavy_is_imported_before_an_encoder_is_opened(self) -> None:
        code = (
            "import sys; sys.path.insert(0, '.'); import knowledge.index.encoder; "
            "print([name for name in ('torch', 'onnx', 'onnxruntime', 'tokenizers', 'transformers') if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"


class TestPreparing:
    def test_a_second_run_changes_nothing(self, folder: Path) -> None:
        before = {name: (folder / name).stat().st_mtime_ns for name in files_below(folder)}
        assert prepare(folder, print) == folder
        assert {name: (folder / name).stat().st_mtime_ns for name in files_below(folder)} == before

    def test_an_interrupted_run_leaves_nothing_and_the_next_one_succeeds(self, tmp_path: Path) -> None:
        target = tmp_path / "deep" / "encoder"

        def interrupt(line: str) -> None:
            if "tokenizer" in line:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            prepare(target, interrupt)
        assert not target.exists()
        with pytest.raises(EncoderUnavailable, match="make setup"):
            open_encoder(str(target), threads=1)

        lines: list[str] = []
        prepare(target, lines.append)
        assert len(lines) > 1
        assert files_below(target) == sorted([*FILES, *(f"{below}/{name}" for below in BELOW for name in FILES)])
        assert sorted(path.name for path in target.parent.iterdir() if path.is_dir()) == ["encoder"]

    def test_a_file_cut_short_is_made_again(self, folder: Path, copied: Path) -> None:
        with (copied / "tokenizer.json").open("r+b") as file:
            file.truncate(1_000)
        with pytest.raises(EncoderUnavailable, match="make setup"):
            open_encoder(str(copied), threads=1)
        prepare(copied, print)
        same_files(copied, folder)

    @pytest.mark.parametrize("below", BELOW)
    def test_a_folder_without_one_of_them_is_made_whole(self, folder: Path, copied: Path, below: str) -> None:
        shutil.rmtree(copied / below)
        is_the_index_s = below != UNDERSTANDING
        assert (prepared_names(copied) != prepared_names(folder)) is is_the_index_s, "what NLU was taught makes no index stale"
        prepare(copied, print)
        assert prepared_names(copied) == prepared_names(folder)
        same_files(copied, folder)

    @pytest.mark.parametrize("content", [b"", b"E5S1" + bytes(4_096), b"version https://git-lfs.github.com/spec/v1\n"])
    def test_a_damaged_source_is_refused(self, tmp_path: Path, content: bytes) -> None:
        source = tmp_path / "e5-small-q4.bin"
        source.write_bytes(content)
        with pytest.raises(EncoderUnavailable, match=r"damaged.*make setup"):
            prepare(tmp_path / "encoder", print, source=source)
        assert not (tmp_path / "encoder").exists()

    def test_a_missing_source_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(EncoderUnavailable, match="make setup"):
            prepare(tmp_path / "encoder", print, source=tmp_path / "nowhere.bin")

    def test_a_file_in_the_way_is_kept(self, tmp_path: Path) -> None:
        (tmp_path / "encoder").write_text("notes")
        with pytest.raises(EncoderUnavailable, match="is a file"):
            prepare(tmp_path / "encoder", print)
        assert (tmp_path / "encoder").read_text() == "notes"

    @pytest.fixture
    def copied(self, folder: Path, tmp_path: Path) -> Iterator[Path]:
        yield Path(shutil.copytree(folder, tmp_path / "copy"))
        shutil.rmtree(tmp_path / "copy")


def same_files(copy: Path, folder: Path) -> None:
    for name in ("model.onnx", "tokenizer.json"):
        assert (copy / name).read_bytes() == (folder / name).read_bytes()
        for below in BELOW:
            assert (copy / below / name).read_bytes() == (folder / below / name).read_bytes()


class TestOpening:
    def test_the_test_encoder_is_given_only_by_name(self, tmp_path: Path) -> None:
        assert open_encoder("hash", threads=1).name == "hash@1"
        for name in ("", "Hash", "hash@1", "var/nothing-here", str(tmp_path), str(tmp_path / "missing")):
            with pytest.raises(EncoderUnavailable, match="make setup"):
                open_encoder(name, threads=1)

    @pytest.mark.parametrize("below", ["", SECOND, TAUGHT])
    def test_one_changed_bit_is_noticed(self, folder: Path, tmp_path: Path, below: str) -> None:
        copied = shutil.copytree(folder, tmp_path / "copy")
        flip_a_bit(copied / below / "model.onnx")
        with pytest.raises(EncoderUnavailable, match=rf"model.onnx of the encoder in {copied / below} is damaged.*make setup"):
            open_encoder(str(copied), threads=1)
        shutil.rmtree(copied)

    def test_a_second_that_is_incomplete_is_named(self, folder: Path, tmp_path: Path) -> None:
        copied = shutil.copytree(folder, tmp_path / "copy")
        (copied / SECOND / "tokenizer.json").unlink()
        with pytest.raises(EncoderUnavailable, match=rf"{copied / SECOND} is incomplete.*make setup"):
            open_encoder(str(copied), threads=1)
        shutil.rmtree(copied)

    def test_a_folder_of_another_model_is_loaded_as_the_library_does(self, tmp_path: Path) -> None:
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import StaticEmbedding
        from tokenizers import Tokenizer
        from tokenizers.models import WordLevel

        words = Tokenizer(WordLevel({"[UNK]": 0, "query: permit": 1, "permit": 2}, unk_token="[UNK]"))
        SentenceTransformer(
            modules=[StaticEmbedding(words, embedding_weights=np.eye(3, 8, dtype=np.float32))],
            prompts={"query": "query: ", "document": ""},
            device="cpu",
        ).save(str(tmp_path), create_model_card=False)
        encoder = open_encoder(str(tmp_path), threads=1)
        assert encoder.dim == 8
        assert encoder.name.startswith(f"{tmp_path.name}@")
        np.testing.assert_array_equal(encoder.encode_queries(["permit"]).argmax(axis=1), [1])
        np.testing.assert_array_equal(encoder.encode_passages(["permit", "x"]).argmax(axis=1), [2, 0])

    def test_a_broken_folder_of_another_model_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text("{}")
        with pytest.raises(EncoderUnavailable, match="does not load"):
            open_encoder(str(tmp_path), threads=1)


# ---------------------------------------------------------------- an adapter
def an_adapter(path: Path, *, size: float) -> Path:
    """Write an adapter of rank one for one matrix of the last layer."""
    normal = np.random.default_rng(0).normal
    left, right = (normal(size=shape).astype(np.float32) for shape in ((384, 1), (1, 384)))
    write_adapter(path, {"l11.ao": (size * left, right)})
    return path


def taught_by(adapter: Path) -> Encoder:
    """Return the taught encoder of a folder made with this adapter."""
    made = open_encoder(str(prepare(adapter.with_suffix(""), print, adapters={TAUGHT: adapter})), threads=2)
    assert made.taught is not None
    return made.taught


def test_an_adapter_that_changes_nothing_gives_the_same_vectors_of_lower_case(model: Encoder, tmp_path: Path) -> None:
    same = taught_by(an_adapter(tmp_path / "zero.npz", size=0))
    expected = model.encode_queries([text.lower() for text in TEXTS[:2]])
    assert np.array_equal(same.encode_queries([text.upper() for text in TEXTS[:2]]), expected)
    assert np.array_equal(same.encode_passages(TEXTS[:2]), expected), "it has learnt from questions only"


def test_an_adapter_moves_the_taught_vectors(model: Encoder, taught: Encoder, tmp_path: Path) -> None:
    moved = taught_by(an_adapter(tmp_path / "a.npz", size=0.5))
    assert not np.allclose(moved.encode_queries(TEXTS[1:2]), model.encode_queries(TEXTS[1:2]), atol=0.01)
    assert moved.name != taught.name, "vectors of another adapter must never be taken for these"


def test_another_adapter_makes_the_folder_anew(tmp_path: Path) -> None:
    said: list[str] = []
    target = tmp_path / "adapted"
    for size, end in ((0.1, "is ready"), (0.1, "up to date"), (0.2, "is ready")):
        prepare(target, said.append, adapters={UNDERSTANDING: an_adapter(tmp_path / "a.npz", size=size)})
        assert end in said[-1]


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS)
def test_the_adapters_we_ship_name_layers_of_this_model(adapter: Path) -> None:
    changes = read_adapter(adapter)
    assert {name.partition(".")[0] for name in changes} == {f"l{layer}" for layer in range(6, 12)}
    assert {name.partition(".")[2]: change.shape for name, change in changes.items()} == {
        "qkv": (1152, 384), "ao": (384, 384), "fi": (1536, 384), "fo": (384, 1536),
    }  # fmt: skip


def test_a_file_that_is_no_adapter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_text("no numbers")
    with pytest.raises(EncoderUnavailable, match=r"a\.npz"):
        prepare(tmp_path / "made", print, adapters={TAUGHT: tmp_path / "a.npz"})
    with pytest.raises(EncoderUnavailable, match=r"b\.npz"):
        prepare(tmp_path / "made", print, adapters={TAUGHT: tmp_path / "b.npz"})


def test_learning_an_adapter_tells_texts_apart(tmp_path: Path) -> None:
    """A few utterances of two intents and phrasings of two topics: what is written can be read, and changes something."""
    for label, lines in {
        "ask": ("where is the office", "when do you open"),
        "report_threat": ("he beats me", "we are sinking"),
    }.items():
        (tmp_path / "data" / "en").mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / "en" / f"{label}.yml").write_text("nlu:\n" + "".join(f"      - {line}\n" for line in lines * 8))
    for path in [*(ROOT / "knowledge" / "library" / "pathways" / "am").glob("P0[38]-*.md")]:
        (tmp_path / "library" / "pathways" / "am").mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / "library" / "pathways" / "am")
    learnt = []
    for topics in ([], ["--library", str(tmp_path / "library")]):
        given = [str(tmp_path / name) for name in ("data", "a.npz")]
        subprocess.run(
            [sys.executable, "-m", "knowledge.index.adapt", *given, *topics], cwd=ROOT, check=True, capture_output=True
        )
        learnt.append(read_adapter(tmp_path / "a.npz"))
        assert len(learnt[-1]) == 24
        assert all(np.isfinite(change).all() for change in learnt[-1].values())
        assert any(np.abs(change).max() > 0 for change in learnt[-1].values())
    assert any(not np.array_equal(learnt[0][name], learnt[1][name]) for name in learnt[0]), "topics are learnt from too"
