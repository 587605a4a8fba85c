"""Word-level LSTMs that predict the next word, trained by truncated BPTT: lstm/ptb, wikitext2, text, one-billion-word.

Words are embedded, go through LSTM layers with dropout around them, and are predicted. A text is read in parallel
columns from its start to its end; what the net remembers at the end of a batch is carried into the next, its gradient
is not. Loss in nats a word; perplexity is its exponential.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.data.feeds import Feed, Sequential
from trainables.data.splits import Split
from trainables.data.text import EVALUATION_COLUMNS
from trainables.workloads._linear_cross_entropy import linear_cross_entropy
from trainables.workloads.workload import OneLoss

State = tuple[Tensor, Tensor]
CUTOFFS = (4_000, 40_000, 200_000)
"""Where clusters of words, frequent ones first, end, as far as a vocabulary goes."""


class LanguageModel(nn.Module):
    """Logits of the next word after each word of a batch (rows, columns); ``carried`` is what it remembers.

    A checkpoint holds ``carried`` too, so that a run goes on in the middle of its text.
    """

    def __init__(self, words: int, embedding: int, hidden: int, layers: int, dropout: float, tied: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, embedding)
        self.lstm = nn.LSTM(embedding, hidden, layers, dropout=dropout if layers > 1 else 0.0)
        self.dropout = nn.Dropout(dropout)
        # Shared weights have the embedding's width.
        self.narrow = nn.Linear(hidden, embedding) if tied and hidden != embedding else nn.Identity()
        self.predict = nn.Linear(embedding if tied else hidden, words)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        nn.init.uniform_(self.predict.weight, -0.1, 0.1)
        nn.init.zeros_(self.predict.bias)
        if tied:
            self.predict.weight = self.embedding.weight
        self.carried: State | None = None

    def remember(self, tokens: Tensor, state: State | None) -> tuple[Tensor, State]:
        """What predicts the words after ``tokens`` (rows, columns, width), and the state after the last row."""
        remembered, after = self.lstm(self.dropout(self.embedding(tokens)), state)
        return self.narrow(self.dropout(remembered)), after

    def forward(self, tokens: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Logits (rows, columns, words) and the state (layers, columns, hidden) after the last row."""
        remembered, after = self.remember(tokens, state)
        return self.predict(remembered), after

    def losses(self, remembered: Tensor, targets: Tensor) -> Tensor:
        """The negative log likelihood (n,) of each target (n,) by what is remembered (n, width)."""
        return functional.cross_entropy(self.predict(remembered), targets, reduction="none")

    def mean_loss(self, remembered: Tensor, targets: Tensor) -> Tensor:
        """The mean of :meth:`losses`, a scalar, for training."""
        return linear_cross_entropy(remembered, self.predict.weight, self.predict.bias, targets)

    def get_extra_state(self) -> Tensor:
        """``carried`` as one tensor (2, layers, columns, hidden); empty where there is none."""
        return torch.empty(0) if self.carried is None else torch.stack(self.carried)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore ``carried``."""
        device = self.embedding.weight.device
        self.carried = (state[0].to(device), state[1].to(device)) if state.numel() else None


class ProjectedLanguageModel(LanguageModel):
    """As its base, but each layer gives ``projection`` numbers a word, and losses come from an adaptive softmax."""

    def __init__(self, words: int, embedding: int, hidden: int, projection: int, layers: int, dropout: float) -> None:
        super().__init__(1, embedding, 1, 1, dropout, tied=False)
        self.embedding = nn.Embedding(words, embedding)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        self.lstm = nn.LSTM(embedding, hidden, layers, dropout=dropout if layers > 1 else 0.0, proj_size=projection)
        cutoffs = [cutoff for cutoff in CUTOFFS if cutoff < words - 1] or [max(1, words // 2)]
        self.predict = nn.AdaptiveLogSoftmaxWithLoss(projection, words, cutoffs)

    def forward(self, tokens: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Log probabilities (rows, columns, words) and the state after the last row."""
        remembered, after = self.remember(tokens, state)
        return self.predict.log_prob(remembered.flatten(0, 1)).view(*tokens.shape, -1), after

    def losses(self, remembered: Tensor, targets: Tensor) -> Tensor:
        """The negative log likelihood (n,) of each target (n,) by what is remembered (n, projection)."""
        return -self.predict(remembered, targets).output

    def mean_loss(self, remembered: Tensor, targets: Tensor) -> Tensor:
        return self.predict(remembered, targets).loss

    def get_extra_state(self) -> Tensor:
        """``carried``: hidden states (layers, columns, projection) beside cells (layers, columns, hidden)."""
        return torch.empty(0) if self.carried is None else torch.cat(self.carried, dim=2)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore ``carried``."""
        if not state.numel():
            self.carried = None
            return
        sizes = [self.lstm.proj_size, self.lstm.hidden_size]
        hidden, cell = state.to(self.embedding.weight.device).split(sizes, dim=2)
        self.carried = (hidden.contiguous(), cell.contiguous())


class Lstm(OneLoss):
    """lstm/ptb, lstm/wikitext2, lstm/text: 1 to 3 layers and a linear one, which may share the embedding's weights.

    Data: a folder of text, see ``trainables.data.text``.
    Reference, Penn Treebank test perplexity of the AdaBelief authors' LSTMs after 200 epochs with 1, 2, 3 layers: Adam
    84.28, 67.27, 64.28; SGD 85.07, 67.45, 63.77; AdaBelief 84.21, 66.29, 61.25 (selected on the test set). Over the
    King James text of this form a bigram model has a test perplexity of 109.5.
    Throughput: 4,300 words a second with 256 units over that text (one core with AVX-512, float32), 1.0 times the loop
    of PyTorch's tutorials: both spend two thirds of a step in the same three matrix products.
    """

    def build_model(self, classes: int) -> LanguageModel:
        sizes = {name: self.options[name] for name in ("embedding", "hidden", "layers", "dropout", "tied")}
        return LanguageModel(classes, **sizes)

    def feed(self, split: Split, batch_size: int) -> Feed:
        return Sequential(split, batch_size, self.options["length"])

    def begin_epoch(self, model: nn.Module) -> None:
        _as_language_model(model).carried = None

    def loss(self, model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        net = _as_language_model(model)
        remembered, (hidden, cell) = net.remember(inputs, net.carried)
        net.carried = (hidden.detach(), cell.detach())
        return net.mean_loss(remembered.flatten(0, 1), targets.flatten())

    @torch.no_grad()
    def evaluate(self, model: nn.Module, split: Split) -> dict[str, float]:
        net = _as_language_model(model).eval()
        feed = Sequential(split, EVALUATION_COLUMNS, self.options["length"])
        total, state = 0.0, None
        for index in range(feed.steps_per_epoch):
            inputs, targets = feed.batch(index)
            remembered, state = net.remember(inputs, state)
            total += net.losses(remembered.flatten(0, 1), targets.flatten()).sum().item()
        net.train()
        loss = total / feed.targets_per_epoch
        # Of a net that has gone astray, a perplexity that is not a number.
        return {"loss": loss, "perplexity": math.exp(loss) if loss < 700 else math.nan}


class LstmOneBillionWord(Lstm):
    """lstm/one-billion-word: an LSTM with a projection and an adaptive softmax.

    Each layer's output is projected to a narrower one, which is also what it remembers; frequent words are predicted
    directly, rare ones through clusters of falling width.
    Data: the benchmark's own layout, see ``trainables.data.one_billion_word``.
    Reference: LSTM-8192-1024 30.6 test perplexity, with Adagrad at a learning rate of 0.2 and clipping at 1 (Jozefowicz
    et al., Exploring the Limits of Language Modeling, arXiv 1602.02410); its softmax is sampled, not adaptive. The
    adaptive one: Grave et al., arXiv 1609.04309.
    Throughput: 1,300 words a second at the default sizes and a vocabulary of 2,760 (one core with AVX-512, float32).
    """

    def build_model(self, classes: int) -> ProjectedLanguageModel:
        sizes = {name: self.options[name] for name in ("embedding", "hidden", "projection", "layers", "dropout")}
        return ProjectedLanguageModel(classes, **sizes)


def _as_language_model(model: nn.Module) -> LanguageModel:
    assert isinstance(model, LanguageModel)
    return model
