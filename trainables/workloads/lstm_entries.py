"""The entries of the language models."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from optimizers import Hyperparameter
from optimizers.domains import Flag, Integer, Real
from trainables.data import passes
from trainables.data.passes import Size
from trainables.workloads.training_options import UNITS, DataFolder, Options
from trainables.workloads.workload_entry import WorkloadEntry


def options(folder: str) -> Options:
    """Of workloads that predict the next word of a text, which lies in a folder of the data folder."""
    return {
        "folder": Hyperparameter(
            folder, "where the text lies in the data folder; python: help texts of Python", DataFolder()
        ),
        "layers": Hyperparameter(1, "LSTM layers", Integer(1, 3)),
        "embedding": Hyperparameter(200, "width of the embedding", UNITS),
        "hidden": Hyperparameter(200, "width of each LSTM layer", UNITS),
        "dropout": Hyperparameter(0.2, "around the layers", Real(0, 1, exclude_max=True)),
        "tied": Hyperparameter(False, "predict by the weights of the embedding", Flag()),
        "length": Hyperparameter(35, "words through which the gradient goes back", UNITS, "words"),
    }


ONE_BILLION_WORD: Options = {
    **{name: one for name, one in options("one-billion-word").items() if name != "tied"},
    "embedding": Hyperparameter(512, "width of the embedding", UNITS),
    "hidden": Hyperparameter(2048, "width of each LSTM layer inside", Integer(2, UNITS.max)),
    "projection": Hyperparameter(512, "width of what each layer gives on; less than hidden", UNITS),
    "fewest": Hyperparameter(3, "how often a word must stand in the training text to be known", Integer(1, 10**9)),
}


def _batches(size: Size, batch_size: int, options: Mapping[str, Any]) -> int:
    return passes.row_batches(size.inputs, batch_size, options["length"])


_language_model = partial(
    WorkloadEntry,
    metrics={"val/loss": "minimize", "val/perplexity": "minimize"},
    score="test/perplexity",
    batches=_batches,
)
_lstm = partial(
    _language_model,
    target="trainables.workloads.lstm:Lstm",
    data_module="trainables.data.text",
    model="word-level LSTM, 1 to 3 layers, weights tied or not; 4.3 M parameters at 10,000 words",
    epochs=20,
    batch_size=20,
    training={"clip_norm": 0.25},
    data_options=("folder",),
)

ENTRIES = (
    _lstm(
        name="lstm/ptb",
        data="Penn Treebank, Mikolov's files ptb.*.txt",
        reference="Adam 84.3, 67.3, 64.3 with 1, 2, 3 layers",
        options=options("ptb"),
    ),
    _lstm(
        name="lstm/wikitext2",
        data="WikiText-2, files wiki.*.tokens",
        reference="none published for this net",
        options=options("wikitext-2"),
    ),
    _lstm(
        name="lstm/text",
        data="any folder of text; Python's own help texts",
        reference="none published",
        options=options("python"),
    ),
    _language_model(
        name="lstm/one-billion-word",
        target="trainables.workloads.lstm:LstmOneBillionWord",
        data_module="trainables.data.one_billion_word",
        model="word-level LSTM with projection and adaptive softmax; 432 M parameters at its 793,471 words",
        data="One Billion Word benchmark, its own folders of shards",
        epochs=1,
        batch_size=128,
        reference="LSTM-8192-1024 30.6, Adagrad 0.2, clip 1 (arXiv 1602.02410)",
        training={"clip_norm": 1.0},
        options=ONE_BILLION_WORD,
        data_options=("folder", "fewest"),
    ),
)
