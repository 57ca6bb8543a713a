# SPDX-License-Identifier: GPL-3.0-or-later
"""The trained network for one window at a time, with what never changes multiplied beforehand.

`GeometryNetwork` is the plain twin. Emotion is mixed from six embeddings, so its keys and values
are weights (T, 6) times a fixed matrix: its cross-attention needs 6 numbers a head and frame
instead of three products with the full width. Sums are ordered otherwise than in training, so the
last bits differ; with all weights 0 emotion still adds exactly 0.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor

from .network import Attention, Block, GeometryNetwork

WindowNetwork = Callable[[Tensor, Tensor], Tensor]
"""(T, 103) normalised frames and (T, 6) weights of one window -> (T, 103) residual."""


def window_network(network: GeometryNetwork) -> WindowNetwork:
    """The network as it is now, for one window; later changes of its weights do not count. One
    that is made of other parts than these (an ablation's) runs as it is."""
    parts = {name for name, _ in network.named_children()}
    of_blocks = {name for block in network.blocks for name, _ in block.named_children()}
    if (parts, of_blocks) == (_PARTS, _BLOCK_PARTS):
        return _FoldedNetwork(network)
    return _WholeNetwork(network)


_PARTS = {"embed_frame", "blocks", "norm", "residual"}
_BLOCK_PARTS = {
    "frame_norm", "frame_attention", "emotion_norm", "emotion_attention", "feed_norm", "feed",
}  # fmt: skip


def remembering(network: WindowNetwork, windows: int = 64) -> WindowNetwork:
    """The network that knows its last answers, which nobody may write into: who looks through a
    take frame by frame asks for the same window 64 times. They are compared by their bits."""

    known: dict[tuple[bytes, bytes], Tensor] = {}
    lock = threading.Lock()

    def ask(frames: Tensor, weights: Tensor) -> Tensor:
        asked = frames.numpy().tobytes(), weights.numpy().tobytes()
        with lock:
            answer = known.pop(asked, None)
        if answer is None:
            answer = network(frames, weights)
        with lock:
            known[asked] = answer
            while len(known) > windows:
                del known[next(iter(known))]
        return answer

    return ask


class _WholeNetwork:
    def __init__(self, network: GeometryNetwork) -> None:
        self._network = network

    @torch.inference_mode()
    def __call__(self, frames: Tensor, weights: Tensor) -> Tensor:
        return self._network(frames[None], weights[None])[0]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _FrameAttention:
    heads: int
    weight: Tensor  # (3 C, C) of query, divided by the square root of a head's width, key, value
    bias: Tensor  # (3 C,)
    distance: Tensor  # (H, T, T)
    output: Tensor  # (C, C), to be multiplied from the right

    def add_to(self, tokens: Tensor, normed: Tensor) -> Tensor:
        """tokens (T, C) plus what frames see in frames."""
        frames, width = tokens.shape
        mixed = functional.linear(normed, self.weight, self.bias)
        query, key, value = mixed.view(frames, 3, self.heads, -1).permute(1, 2, 0, 3)
        shares = torch.baddbmm(self.distance, query, key.transpose(1, 2)).softmax(2)
        seen = (shares @ value).transpose(0, 1).reshape(frames, width)
        return torch.addmm(tokens, seen, self.output)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _EmotionAttention:
    ask: Tensor  # (6 H, C) from a frame to its interest in each emotion, by head
    ask_bias: Tensor  # (6 H,)
    distance: Tensor  # (H, T, T + 1), the last column the sink
    answer: Tensor  # (6 H, C) what each emotion says, by head

    def add_to(self, tokens: Tensor, normed: Tensor, weights: Tensor, padded: Tensor) -> Tensor:
        """tokens (T, C) plus what frames see in the emotion's weights (T, 6).

        padded: (H, 6, T + 1) the weights turned and a column of zeros, for each head."""
        frames, heads = len(tokens), len(self.distance)
        interest = functional.linear(normed, self.ask, self.ask_bias)
        interest = interest.view(frames, heads, -1).transpose(0, 1)
        shares = torch.baddbmm(self.distance, interest, padded).softmax(2)
        seen = shares[..., :frames].reshape(heads * frames, frames) @ weights
        seen = seen.view(heads, frames, -1).transpose(0, 1).reshape(frames, -1)
        return torch.addmm(tokens, seen, self.answer)


class _FoldedNetwork:
    def __init__(self, network: GeometryNetwork) -> None:
        self._network = network
        self._attentions = [
            (_frame_attention(block.frame_attention), _emotion_attention(block, network.emotions))
            for block in network.blocks
            if isinstance(block, Block)
        ]

    @torch.inference_mode()
    def __call__(self, frames: Tensor, weights: Tensor) -> Tensor:
        network = self._network
        tokens = network.embed_frame(frames)
        heads = network.config.heads
        padded = functional.pad(weights.T, (0, 1)).expand(heads, -1, -1)
        for block, (by_frames, by_emotion) in zip(network.blocks, self._attentions, strict=True):
            assert isinstance(block, Block)
            tokens = by_frames.add_to(tokens, block.frame_norm(tokens))
            tokens = by_emotion.add_to(tokens, block.emotion_norm(tokens), weights, padded)
            tokens = tokens + block.feed(block.feed_norm(tokens))
        return network.residual(network.norm(tokens))


def _frame_attention(attention: Attention) -> _FrameAttention:
    query, key, value = attention.query, attention.key, attention.value
    scale = (query.in_features // attention.heads) ** -0.5
    bias = torch.zeros(3 * query.in_features)
    bias[: query.in_features] = query.bias * scale
    return _FrameAttention(
        heads=attention.heads,
        weight=torch.cat([query.weight * scale, key.weight, value.weight]),
        bias=bias,
        distance=attention.distance_bias[:, attention.distance].contiguous(),
        output=attention.output.weight.T,
    )


def _emotion_attention(block: Block, emotions: Tensor) -> _EmotionAttention:
    attention = block.emotion_attention
    heads, width = attention.heads, attention.query.in_features
    of_head = (heads, width // heads, width)
    double = (emotions.double(), *(
        layer.weight.double()
        for layer in (attention.query, attention.key, attention.value, attention.output)
    ))  # fmt: skip
    embeddings, query, key, value, output = double
    # (H, 6, c): key and value of each emotion in each head.
    keys = (embeddings @ key.T).view(6, heads, -1).transpose(0, 1) * (width // heads) ** -0.5
    values = (embeddings @ value.T).view(6, heads, -1).transpose(0, 1)
    bias = keys @ attention.query.bias.double().view(heads, -1, 1)
    distance = attention.distance_bias[:, attention.distance]
    assert attention.sink is not None
    sink = attention.sink[:, None, None].expand(-1, distance.shape[1], 1)
    return _EmotionAttention(
        ask=(keys @ query.view(of_head)).flatten(0, 1).float().contiguous(),
        ask_bias=bias.flatten().float(),
        distance=torch.cat([distance, sink], 2).contiguous(),
        answer=(values @ output.T.reshape(of_head)).flatten(0, 1).float().contiguous(),
    )
