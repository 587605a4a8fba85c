"""gpt/text: a small decoder-only transformer that predicts the next token of a text.

The net is GPT-2's (Radford et al., Language Models are Unsupervised Multitask Learners, 2019): learned positions, layer
normalisation before attention and before the MLP, GELU, and the embedding's weights for the prediction. Its weights
begin as there: normal with a deviation of 0.02, divided by the root of twice the layers where they end a residual.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.data.feeds import Feed, Windows
from trainables.data.splits import DataSet, Split
from trainables.data.tokens import TOKEN_BYTES
from trainables.workloads._linear_cross_entropy import linear_cross_entropy
from trainables.workloads.workload import EVALUATION_BATCH, OneLoss

DEVIATION = 0.02
WIDER = 4
"""How many times wider the MLP is inside."""


class Block(nn.Module):
    """Causal self-attention, then an MLP, each added to what it is given (batch, tokens, width)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend, self.gather = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, WIDER * width), nn.Linear(WIDER * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self._drop(self.gather(self._attention(self.before_attention(x))))
        return x + self._drop(self.narrow(functional.gelu(self.widen(self.before_mlp(x)), approximate="tanh")))

    def _attention(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        heads = self.attend(x).view(batch, tokens, 3, self.heads, width // self.heads)
        queries, keys, values = heads.permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(queries, keys, values, dropout_p=dropout, is_causal=True)
        return mixed.transpose(1, 2).reshape(batch, tokens, width)

    def _drop(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.dropout, self.training)


class Gpt(nn.Module):
    """Logits of the next token after each of a batch (batch, tokens), of which there are at most ``context``.

    ``token_bytes`` (vocabulary,) is how many bytes each token stands for; it is empty where that is not known. It
    belongs to the data, not to the state.
    """

    token_bytes: Tensor

    def __init__(self, vocabulary: int, context: int, width: int, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.embedding, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))
        self.normalise = nn.LayerNorm(width)
        self.register_buffer("token_bytes", torch.zeros(0, dtype=torch.int64), persistent=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                ends_residual = name.endswith(("gather.weight", "narrow.weight"))
                nn.init.normal_(p, std=DEVIATION / math.sqrt(2 * layers) if ends_residual else DEVIATION)
            elif name.endswith("bias"):
                nn.init.zeros_(p)

    def features(self, tokens: Tensor) -> Tensor:
        """What predicts the token after each of ``tokens`` (batch, tokens, width)."""
        positions = self.positions.weight[: tokens.shape[1]]
        x = functional.dropout(self.embedding(tokens) + positions, self.dropout, self.training)
        for block in self.blocks:
            x = block(x)
        return self.normalise(x)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (batch, tokens, vocabulary)."""
        return functional.linear(self.features(tokens), self.embedding.weight)


class GptText(OneLoss):
    """gpt/text: a GPT of any size on any folder of text.

    An epoch reads every token of the training split once, in windows of ``context`` tokens in a shuffled order. The
    validation and test splits are read whole, in windows that do not overlap, so the first tokens of each have little
    before them. ``perplexity`` is of a token; ``bits_per_byte`` is the same loss for each byte of the text, by which
    characters, bytes and byte pairs compare.
    Data: a folder of text, see ``trainables.data.tokens``.
    Reference: with 3 layers, 4 heads, width 96 and context 64, 1,500 steps of 16 windows and Adam at 2e-3 give a
    validation perplexity of 6.50 (deviation 0.05 over 5 seeds) on the characters of Tiny Shakespeare, and 6.49 (0.04
    over 3) by a plain loop of torch's encoder layers, ``tests/by_hand/gpt_against_a_plain_loop.py``.
    Throughput: 13,000 characters a second at the default sizes (one core with AVX-512, float32), as many as that kind
    of loop; 1.3 times as many words where there are 10,000 of them.
    """

    def build_model(self, classes: int) -> Gpt:
        sizes = {name: self.options[name] for name in ("context", "width", "layers", "heads", "dropout")}
        return Gpt(classes, **sizes)

    def model_for(self, data: DataSet) -> Gpt:
        model = self.build_model(data.classes)
        model.token_bytes = torch.tensor(data.schema.get(TOKEN_BYTES, ()), dtype=torch.int64)
        return model

    def feed(self, split: Split, batch_size: int) -> Feed:
        return Windows(split, batch_size, self.options["context"])

    def loss(self, model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        net = _as_gpt(model)
        return linear_cross_entropy(net.features(inputs).flatten(0, 1), net.embedding.weight, None, targets.flatten())

    @torch.no_grad()
    def evaluate(self, model: nn.Module, split: Split) -> dict[str, float]:
        net = _as_gpt(model).eval()
        tokens, context = split.inputs, self.options["context"]
        count = len(tokens) - 1
        whole = count // context * context
        pairs = [(tokens[:whole].view(-1, context), tokens[1 : whole + 1].view(-1, context))]
        if whole < count:
            pairs.append((tokens[whole:count].view(1, -1), tokens[whole + 1 :].view(1, -1)))
        total, size = 0.0, max(1, EVALUATION_BATCH // context)
        for inputs, targets in pairs:
            for x, y in zip(inputs.split(size), targets.split(size), strict=True):
                logits = net(x.long()).flatten(0, 1).float()
                total += functional.cross_entropy(logits, y.long().flatten(), reduction="sum").item()
        net.train()
        loss = total / count
        # Of a net that has gone astray, a perplexity that is not a number.
        metrics = {"loss": loss, "perplexity": math.exp(loss) if loss < 700 else math.nan}
        if net.token_bytes.numel():
            size_in_bytes = int(net.token_bytes[tokens[1:].long()].sum())
            metrics["bits_per_byte"] = total / math.log(2) / size_in_bytes
        return metrics


def _as_gpt(model: nn.Module) -> Gpt:
    assert isinstance(model, Gpt)
    return model
