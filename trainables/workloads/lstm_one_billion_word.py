"""lstm/one-billion-word: an LSTM with a projection and an adaptive softmax on the One Billion Word benchmark.

Each LSTM layer's output is projected to a narrower one, which is also what it remembers; frequent words are predicted
directly, rare ones through clusters of falling width.
Data: the benchmark's own layout, see ``data.one_billion_word``. Loss in nats a word; perplexity its exponential.
Reference: LSTM-8192-1024 30.6 test perplexity, with Adagrad at a learning rate of 0.2 and clipping at 1 (Jozefowicz et
al., Exploring the Limits of Language Modeling, arXiv 1602.02410); its softmax is sampled, not adaptive. The adaptive
one: Grave et al., arXiv 1609.04309.
Throughput: 1,300 words a second at the default sizes and a vocabulary of 2,760 (one core with AVX-512, float32).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainables.workloads.lstm import LanguageModel, Lstm

CUTOFFS = (4_000, 40_000, 200_000)
"""Where clusters of words, frequent ones first, end, as far as a vocabulary goes."""


class ProjectedLanguageModel(LanguageModel):
    """As its base, but each layer gives ``projection`` numbers a word, and losses come from an adaptive softmax."""

    def __init__(self, words: int, embedding: int, hidden: int, projection: int, layers: int, dropout: float) -> None:
        super().__init__(1, embedding, 1, 1, dropout, tied=False)
        self.embedding = nn.Embedding(words, embedding)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        self.lstm = nn.LSTM(embedding, hidden, layers, dropout=dropout if layers > 1 else 0.0, proj_size=projection)
        cutoffs = [cutoff for cutoff in CUTOFFS if cutoff < words - 1] or [max(1, words // 2)]
        self.predict = nn.AdaptiveLogSoftmaxWithLoss(projection, words, cutoffs)

    def forward(self, tokens: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
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


class LstmOneBillionWord(Lstm):
    def build_model(self, classes: int) -> ProjectedLanguageModel:
        sizes = {name: self.options[name] for name in ("embedding", "hidden", "projection", "layers", "dropout")}
        return ProjectedLanguageModel(classes, **sizes)
