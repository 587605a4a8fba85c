"""The entry of the transformer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimizers import Hyperparameter, InputError
from optimizers.domains import Choice, Integer, Real
from trainables.data import passes
from trainables.data.passes import Size
from trainables.data.tokens import BYTES, KINDS, LOSSLESS
from trainables.workloads.training_options import LAYERS, UNITS, DataFolder, Options
from trainables.workloads.workload_entry import OnlyWith, WorkloadEntry

OPTIONS: Options = {
    "folder": Hyperparameter(
        "python", "where the text lies in the data folder; python: help texts of Python", DataFolder()
    ),
    "tokens": Hyperparameter(
        "characters", "what is predicted; bpe: byte pairs learnt from the training text, by the package tokenizers",
        Choice(KINDS),
    ),
    "vocabulary": Hyperparameter(
        1024, "bpe: how many bytes and byte pairs at most", Integer(BYTES + 1, 1_000_000), "tokens"
    ),
    "layers": Hyperparameter(4, "transformer blocks", LAYERS),
    "heads": Hyperparameter(4, "attention heads of each, a divisor of width", LAYERS),
    "width": Hyperparameter(128, "width of the embedding and between the blocks", UNITS),
    "context": Hyperparameter(128, "tokens from which the next one is predicted, at most", UNITS, "tokens"),
    "dropout": Hyperparameter(
        0.0, "of embeddings, attention and what each block adds", Real(0, 1, exclude_max=True)
    ),
}  # fmt: skip


def _complete(options: dict[str, Any]) -> dict[str, Any]:
    if options["width"] % options["heads"]:
        raise InputError(
            f"gpt/text: heads must divide width, got {options['heads']} heads and a width of {options['width']}."
        ).about("heads", "width")
    return options


def _batches(size: Size, batch_size: int, options: Mapping[str, Any]) -> int:
    return passes.batches(passes.windows(size.inputs, options["context"]), batch_size)


ENTRIES = (
    WorkloadEntry(
        name="gpt/text",
        target="trainables.workloads.gpt:GptText",
        data_module="trainables.data.tokens",
        model="decoder-only transformer, as GPT-2; 0.82 M parameters at 100 characters",
        data="any folder of text, in characters, words, bytes or byte pairs; Python's own help texts",
        metrics={"val/loss": "minimize", "val/perplexity": "minimize", "val/bits_per_byte": "minimize"},
        optional_metrics={"val/bits_per_byte": OnlyWith("tokens", LOSSLESS)},
        score="test/perplexity",
        epochs=10,
        batch_size=16,
        reference="perplexity 6.5 on Tiny Shakespeare after a minute, as of a plain loop of torch's layers",
        training={"clip_norm": 1.0, "warmup": 0.05, "lr_schedule": "cosine"},
        options=OPTIONS,
        data_options=("folder", "tokens", "vocabulary"),
        complete=_complete,
        batches=_batches,
    ),
)
