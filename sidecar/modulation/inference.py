# SPDX-License-Identifier: GPL-3.0-or-later
"""The trained network for one window at a time, with all constant matrices multiplied beforehand.

`GeometryNetwork` is the plain twin. The emotion is a mixture of K embeddings, one for each of its
cues, so its keys and values are cues (T, K) times a fixed matrix: cross-attention needs K numbers a
head and frame instead of three products with the full width. Sums have another order than in
training, so the last bits differ; with all cues 0 emotion still adds exactly 0.

A user who drags an emotion's slider asks for one frame of the same windows again and again. So the
numbers before the first cross-attention are cached, and the last block, whose output frames do not
depend on each other, can compute a few rows alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as functional
from torch import Tensor

from ..threads import in_order
from .network import NUMBERS, Attention, Block, GeometryNetwork

ROWS = 8
"""How many rows of a window can be computed alone, starting at a multiple of as many."""
_KEPT_WINDOWS = 16
"""Windows whose inner tokens are cached, 64 KiB each; a frame lies in two windows."""


class WindowNetwork(Protocol):
    """The network as a function of one window."""

    def __call__(self, frames: Tensor, cues: Tensor, rows: slice | None = None, /) -> Tensor:
        """The residual (T, 103) of normalised frames (T, 103) and emotion cues (T, K). With
        `rows` only those rows are returned, with the same bits."""
        ...


def window_network(network: GeometryNetwork) -> WindowNetwork:
    """A fast form of the network, whose weights may not change any more. A network of other modules
    (an ablation's) is returned without the speed-up."""
    parts = {name for name, _ in network.named_children()}
    of_blocks = {name for block in network.blocks for name, _ in block.named_children()}
    if (parts, of_blocks) == (_PARTS, _BLOCK_PARTS):
        return _FoldedNetwork(network)
    return _WholeNetwork(network)


_ALL = slice(None)
_PARTS = {"embed_frame", "blocks", "norm", "residual"}
_BLOCK_PARTS = {
    "frame_norm",
    "frame_attention",
    "emotion_norm",
    "emotion_attention",
    "feed_norm",
    "feed",
}


def remembering(network: WindowNetwork, windows: int = 64) -> WindowNetwork:
    """The network with a cache of its last outputs, found again by the bits of the inputs: playing
    a take frame by frame asks for each window 64 times. Nobody may write into an output."""
    memory = _Memory(windows)

    def ask(frames: Tensor, cues: Tensor, rows: slice | None = None, /) -> Tensor:
        part = None if rows is None else rows.start
        return memory.recall((frames, cues), lambda: network(frames, cues, rows), part)

    return ask


class _Memory:
    """A cache of the last few tensors, by the bits of the tensors that they were computed from."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[tuple[object, ...], Tensor] = {}
        self._lock = threading.Lock()

    def recall(
        self, made_of: tuple[Tensor, ...], make: Callable[[], Tensor], part: int | None = None
    ) -> Tensor:
        """The tensor of `make()`, from the cache if `made_of` and `part` are known."""
        key = (part, *(tensor.numpy().tobytes() for tensor in made_of))
        with self._lock:
            found = self._known.pop(key, None)
        if found is None:
            found = make()
        with self._lock:
            self._known[key] = found
            while len(self._known) > self._most:
                del self._known[next(iter(self._known))]
        return found


class _WholeNetwork:
    """Any network as it is, for one window."""

    def __init__(self, network: GeometryNetwork) -> None:
        self._network = network

    @torch.inference_mode()
    def __call__(self, frames: Tensor, cues: Tensor, rows: slice | None = None, /) -> Tensor:
        whole = self._network(frames[None], cues[None])[0]
        return whole if rows is None else whole[rows]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _FrameAttention:
    """Self-attention with the projections to query, key and value in one matrix."""

    heads: int
    weight: Tensor  # (3 C, C) of query, divided by the square root of a head's width, key, value
    bias: Tensor  # (3 C,)
    distance: Tensor  # (H, T, T)
    output: Tensor  # (C, C), to be multiplied from the right

    def add_to(self, tokens: Tensor, normed: Tensor) -> Tensor:
        """tokens (T, C) plus their attention to each other; normed: the tokens after the norm."""
        mixed = functional.linear(normed, self.weight, self.bias)
        query, key, value = mixed.view(len(tokens), 3, self.heads, -1).permute(1, 2, 0, 3)
        return self._add(tokens, query, key, value, self.distance)

    def add_rows(self, tokens: Tensor, normed: Tensor, rows: slice) -> Tensor:
        """The given rows of the result of `add_to`."""
        frames, width = tokens.shape
        of_query, of_key_value = slice(0, width), slice(width, None)
        query = functional.linear(normed[rows], self.weight[of_query], self.bias[of_query])
        query = query.view(-1, self.heads, width // self.heads).transpose(0, 1)
        mixed = functional.linear(normed, self.weight[of_key_value], self.bias[of_key_value])
        key, value = mixed.view(frames, 2, self.heads, -1).permute(1, 2, 0, 3)
        return self._add(tokens[rows], query, key, value, self.distance[:, rows])

    def _add(
        self, tokens: Tensor, query: Tensor, key: Tensor, value: Tensor, distance: Tensor
    ) -> Tensor:
        shares = torch.baddbmm(distance, query, key.transpose(1, 2)).softmax(2)
        seen = (shares @ value).transpose(0, 1).reshape(len(tokens), -1)
        return torch.addmm(tokens, seen, self.output)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _EmotionAttention:
    """Cross-attention to the emotion with query and key, and value and output, multiplied."""

    score: Tensor  # (K H, C) from a frame to its score of each emotion, by head
    score_bias: Tensor  # (K H,)
    distance: Tensor  # (H, T, T + 1), the last column the sink
    output: Tensor  # (K H, C) what each emotion adds to a token, by head

    def add_to(self, tokens: Tensor, normed: Tensor, cues: Tensor, rows: slice) -> Tensor:
        """tokens (R, C), the window's `rows`, plus their attention to the emotion, whose cues
        (T, K) are the whole window's."""
        frames, heads = len(cues), len(self.distance)
        # (H, K, T + 1) the transposed cues and a column of zeros, for each head.
        padded = functional.pad(cues.T, (0, 1)).expand(heads, -1, -1)
        scores = functional.linear(normed, self.score, self.score_bias)
        scores = scores.view(len(tokens), heads, -1).transpose(0, 1)
        shares = torch.baddbmm(self.distance[:, rows], scores, padded).softmax(2)
        seen = shares[..., :frames].reshape(-1, frames) @ cues
        seen = seen.view(heads, len(tokens), -1).transpose(0, 1).reshape(len(tokens), -1)
        return torch.addmm(tokens, seen, self.output)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _FoldedBlock:
    """A `Block` in its two steps, before and after the emotion enters."""

    block: Block
    by_frames: _FrameAttention
    by_emotion: _EmotionAttention

    def attend_frames(self, tokens: Tensor, rows: slice | None = None) -> Tensor:
        """The tokens (T, C), or rows of them, after self-attention."""
        normed = self.block.frame_norm(tokens)
        if rows is None:
            return self.by_frames.add_to(tokens, normed)
        return self.by_frames.add_rows(tokens, normed, rows)

    def attend_emotion(self, tokens: Tensor, cues: Tensor, rows: slice = _ALL) -> Tensor:
        """The window's `rows` after cross-attention to cues (T, K) and feed-forward layers."""
        normed = self.block.emotion_norm(tokens)
        tokens = self.by_emotion.add_to(tokens, normed, cues, rows)
        return tokens + self.block.feed(self.block.feed_norm(tokens))


class _FoldedNetwork:
    """The fast copy of a `GeometryNetwork`."""

    def __init__(self, network: GeometryNetwork) -> None:
        self._network = network
        self._blocks = [
            _FoldedBlock(
                block=block,
                by_frames=_frame_attention(block.frame_attention),
                by_emotion=_emotion_attention(block, network.emotions),
            )
            for block in network.blocks
            if isinstance(block, Block)
        ]
        self._unmoved, self._inner = _Memory(_KEPT_WINDOWS), _Memory(_KEPT_WINDOWS)
        # In a thread with one core for products, as all windows are computed.
        (self._rows_stand_alone,) = in_order(lambda _: self._compare_rows(), [None])

    @torch.inference_mode()
    def __call__(self, frames: Tensor, cues: Tensor, rows: slice | None = None, /) -> Tensor:
        tokens = self._inner.recall((frames, cues), lambda: self._to_last(frames, cues))
        if rows is None or self._rows_stand_alone:
            return self._last(tokens, cues, rows)
        return self._last(tokens, cues, None)[rows]

    def _to_last(self, frames: Tensor, cues: Tensor) -> Tensor:
        """(T, C) tokens before the last block."""
        first, *others = self._blocks
        if not others:
            return self._network.embed_frame(frames)
        tokens = self._unmoved.recall(
            (frames,), lambda: first.attend_frames(self._network.embed_frame(frames))
        )
        tokens = first.attend_emotion(tokens, cues)
        for block in others[:-1]:
            tokens = block.attend_emotion(block.attend_frames(tokens), cues)
        return tokens

    def _last(self, tokens: Tensor, cues: Tensor, rows: slice | None) -> Tensor:
        """The residual of the window, or of its rows, from the tokens before the last block."""
        block = self._blocks[-1]
        tokens = block.attend_frames(tokens, rows)
        tokens = block.attend_emotion(tokens, cues, _ALL if rows is None else rows)
        return self._network.residual(self._network.norm(tokens))

    @torch.inference_mode()
    def _compare_rows(self) -> bool:
        """Whether rows computed alone have the bits of the same rows of the window. That depends
        on the library of matrix products, not on the numbers."""
        count, draw = self._network.config.window, torch.Generator().manual_seed(0)
        cues = torch.rand(count, self._network.config.cues, generator=draw)
        tokens = self._to_last(torch.randn(count, NUMBERS, generator=draw), cues)
        whole = self._last(tokens, cues, None)
        return all(
            torch.equal(self._last(tokens, cues, slice(row, row + ROWS)), whole[row : row + ROWS])
            for row in range(0, count, ROWS)
        )


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
    double = (
        emotions.double(),
        *(
            layer.weight.double()
            for layer in (attention.query, attention.key, attention.value, attention.output)
        ),
    )
    embeddings, query, key, value, output = double
    # (H, K, c): key and value of each cue in each head.
    keys = (embeddings @ key.T).view(-1, heads, width // heads).transpose(0, 1) * (
        width // heads
    ) ** -0.5
    values = (embeddings @ value.T).view(-1, heads, width // heads).transpose(0, 1)
    bias = keys @ attention.query.bias.double().view(heads, -1, 1)
    distance = attention.distance_bias[:, attention.distance]
    assert attention.sink is not None
    sink = attention.sink[:, None, None].expand(-1, distance.shape[1], 1)
    return _EmotionAttention(
        score=(keys @ query.view(of_head)).flatten(0, 1).float().contiguous(),
        score_bias=bias.flatten().float(),
        distance=torch.cat([distance, sink], 2).contiguous(),
        output=(values @ output.T.reshape(of_head)).flatten(0, 1).float().contiguous(),
    )
