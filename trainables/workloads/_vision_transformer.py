"""A vision transformer for small images.

An Image Is Worth 16x16 Words, Dosovitskiy et al., arXiv 2010.11929: patches by one linear map, learnt positions, blocks
that normalise what they read and add what they compute (pre-norm), GELU. All weights start from a normal distribution
of deviation 0.02, cut off at two deviations, and all biases at zero, as BERT's (Devlin et al., arXiv 1810.04805) and
DeiT's (Touvron et al., arXiv 2012.12877) do.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

EXPANSION = 4
DEVIATION = 0.02


class Attention(nn.Module):
    """Self-attention of ``heads`` heads over tokens (batch, tokens, width)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project_in = nn.Linear(width, 3 * width)
        self.project_out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, tokens, width) to the same shape."""
        batch, tokens, width = x.shape
        joined = self.project_in(x).view(batch, tokens, 3, self.heads, width // self.heads)
        query, key, value = joined.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.project_out(mixed.transpose(1, 2).reshape(batch, tokens, width))


class Block(nn.Module):
    """Attention between the tokens, then two layers for each token; dropout on what each adds."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.widen, self.narrow = nn.Linear(width, EXPANSION * width), nn.Linear(EXPANSION * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, tokens, width) to the same shape."""
        x = x + self.dropout(self.attention(self.norm1(x)))
        inside = self.dropout(functional.gelu(self.widen(self.norm2(x))))
        return x + self.dropout(self.narrow(inside))


class VisionTransformer(nn.Module):
    """Logits (batch, classes) of images (batch, channels, size, size), which are cut into patches of ``patch`` pixels.

    ``pool`` is what is classified: "token", a learnt token that stands before those of the patches, or "mean", the mean
    of these. ``patch`` must divide ``size`` and ``heads`` must divide ``width``.
    """

    def __init__(
        self, channels: int, size: int, classes: int, *, patch: int, width: int, depth: int, heads: int, dropout: float,
        pool: str,
    ) -> None:  # fmt: skip
        super().__init__()
        self.patches = nn.Conv2d(channels, width, patch, stride=patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width)) if pool == "token" else None
        self.positions = nn.Parameter(torch.zeros(1, (size // patch) ** 2 + (pool == "token"), width))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*(Block(width, heads, dropout) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                _draw(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for parameter in (self.token, self.positions):
            if parameter is not None:
                _draw(parameter)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        x = self.patches(images).flatten(2).transpose(1, 2)
        if self.token is not None:
            x = torch.cat([self.token.expand(len(x), -1, -1), x], 1)
        x = self.norm(self.blocks(self.dropout(x + self.positions)))
        return self.head(x.mean(1) if self.token is None else x[:, 0])


def _draw(weights: Tensor) -> None:
    nn.init.trunc_normal_(weights, std=DEVIATION, a=-2 * DEVIATION, b=2 * DEVIATION)
