"""Texts as streams of characters, bytes or byte pairs, or of words as `trainables.data.text` has them.

Folders, files and splits are those of `trainables.data.text`; lines end with a newline, whatever they end with in the
files. Characters that the training split lacks are one unknown character, counted as a byte. Byte pairs are learnt from
the training split by the package tokenizers, which cuts as GPT-2 does: words with the space before them, of bytes that
are joined pair by pair (Sennrich et al., arXiv 1508.07909), so that every text can be written with them.
"""

from __future__ import annotations

import importlib.util
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from optimizers import InputError
from trainables.data import text

if TYPE_CHECKING:
    import numpy as np

    from trainables.data.array_cache import Contents
    from trainables.data.splits import DataSet

KINDS = ("characters", "words", "bytes", "bpe")
LOSSLESS = ("characters", "bytes", "bpe")
"""Those from which the text can be read again, so that bits can be counted for each of its bytes."""
BYTES = 256
TOKEN_BYTES = "token_bytes"
"""In the schema of such a text: how many bytes of UTF-8 each token stands for."""
LINES_AT_ONCE = 10_000


def check(root: Path, folder: str, tokens: str, vocabulary: int) -> None:
    """Raise InputError, naming what is missing, unless the text can be had in such tokens."""
    text.check(root, folder)
    if tokens == "bpe" and importlib.util.find_spec("tokenizers") is None:
        raise InputError(
            "tokens: bpe needs the package tokenizers, of this project's extra text; install it with pip install "
            "tokenizers, or take characters, words or bytes"
        )


def load(root: Path, folder: str, tokens: str, vocabulary: int) -> DataSet:
    """Three streams of token numbers, int32 (n,), without targets; ``classes`` is the size of the vocabulary."""
    from trainables.data.splits import opened

    return opened(store(root, folder, tokens, vocabulary))


def store(root: Path, folder: str, tokens: str, vocabulary: int) -> Path:
    """The cache folder of the text, made where it is missing; imports no torch. Raises InputError.

    ``vocabulary`` is how many byte pairs and bytes are told apart at most; nothing else depends on it.
    """
    from trainables.data.array_cache import ensure_cached, identity_of

    if tokens == "words":
        return text.store(root, folder)
    if folder == text.PYTHON:
        import platform

        source = platform.python_version()
    else:
        named, files = text.files_of(root / folder)
        source = f"{named} {identity_of(files.values())}"
    if tokens == "bpe":
        source += f" {vocabulary} tokenizers {version('tokenizers')}"

    def build() -> Contents:
        lines = text.lines_of(root, folder)
        if tokens == "bpe":
            return _byte_pairs(lines, vocabulary)
        whole = {split: "".join(f"{line}\n" for line in part) for split, part in lines.items()}
        return _characters(whole) if tokens == "characters" else _bytes(whole)

    return ensure_cached(f"text-{tokens}", source, build)


def _bytes(texts: dict[str, str]) -> Contents:
    import numpy as np

    streams = {split: np.frombuffer(whole.encode(), np.uint8).astype(np.int32) for split, whole in texts.items()}
    return _contents(streams, [1] * BYTES)


def _characters(texts: dict[str, str]) -> Contents:
    import numpy as np

    points = {split: np.frombuffer(whole.encode("utf-32-le"), np.uint32) for split, whole in texts.items()}
    known, counts = np.unique(points["train"], return_counts=True)
    unknown = len(known)
    # Frequent ones first, equally frequent ones by their code points; a stable sort keeps the order of `unique`.
    number_of = np.full(max(int(part.max()) for part in points.values()) + 1, unknown, dtype=np.int32)
    ordered = known[np.argsort(-counts, kind="stable")]
    number_of[ordered] = np.arange(unknown, dtype=np.int32)
    streams = {split: number_of[part] for split, part in points.items()}
    return _contents(streams, [*(len(chr(point).encode()) for point in ordered), 1])


def _byte_pairs(lines: text.Lines, vocabulary: int) -> Contents:
    import numpy as np
    from tokenizers import (  # pyright: ignore[reportMissingImports] - an extra
        Tokenizer,
        models,
        pre_tokenizers,
        trainers,
    )

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator((f"{line}\n" for line in lines["train"]), trainer)

    def stream(part: list[str]) -> np.ndarray:
        found: list[np.ndarray] = []
        for start in range(0, len(part), LINES_AT_ONCE):
            encoded = tokenizer.encode_batch([f"{line}\n" for line in part[start : start + LINES_AT_ONCE]])
            found += [np.array(one.ids, dtype=np.int32) for one in encoded]
        return np.concatenate(found)

    # Each character of a token's name stands for one byte.
    names = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    return _contents({split: stream(part) for split, part in lines.items()}, [len(name) for name, _ in names])


def _contents(streams: dict[str, np.ndarray], token_bytes: list[int]) -> Contents:
    import numpy as np

    from trainables.data.array_cache import Contents

    nothing = np.zeros(0, dtype=np.int64)
    return Contents(
        {split: (stream, nothing) for split, stream in streams.items()},
        classes=len(token_bytes),
        schema={TOKEN_BYTES: token_bytes},
    )
