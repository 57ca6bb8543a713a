# SPDX-License-Identifier: GPL-3.0-or-later
"""A table of vectors for pieces of words, distilled from a sentence embedding: each piece alone
goes through the network, the principal directions of all of them stay, and common pieces count
less (a piece's number in the vocabulary is its rank)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ....shared.arrays import Float32Array

DIMENSIONS = 128
_BATCH = 512
_LEAST_INSIDE = 4
"""Pieces inside a word that are shorter, with their ##, are left out."""


def kept_pieces(vocabulary: list[str]) -> list[int]:
    """The rows of a WordPiece vocabulary that are words of plain letters, or parts of such."""

    def keeps(piece: str) -> bool:
        letters = piece.removeprefix("##")
        is_plain = letters.isascii() and letters.isalpha()
        return is_plain and not (piece.startswith("##") and len(piece) < _LEAST_INSIDE)

    return [row for row, piece in enumerate(vocabulary) if keeps(piece)]


def embed_pieces(model: Path, vocabulary: list[str], rows: list[int]) -> Float32Array:
    """(n, d) the mean of the network's last layer over [CLS], a piece, [SEP], of length 1. model:
    an ONNX file of a BERT."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    first, last = vocabulary.index("[CLS]"), vocabulary.index("[SEP]")
    found: list[Float32Array] = []
    for start in range(0, len(rows), _BATCH):
        ids = np.array([[first, row, last] for row in rows[start : start + _BATCH]], np.int64)
        feed = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        found.append(session.run(None, feed)[0].mean(1).astype(np.float32))
    vectors = np.concatenate(found)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def condense(vectors: Float32Array) -> Float32Array:
    """(n, `DIMENSIONS`) of vectors in the order of how common their pieces are."""
    centred = vectors - vectors.mean(0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    main = centred @ directions[:, ::-1][:, :DIMENSIONS]
    return main * np.log1p(np.arange(len(main), dtype=np.float32))[:, None]


def encode_table(pieces: list[str], vectors: Float32Array) -> bytes:
    """The safetensors of a table: vectors as whole numbers from -127 to 127, and a scale each."""
    from safetensors.numpy import save

    scales = np.maximum(np.abs(vectors).max(1), 1e-6) / 127
    return save(
        {
            "pieces": np.frombuffer("\n".join(pieces).encode(), np.uint8),
            "vectors": np.round(vectors / scales[:, None]).astype(np.int8),
            "scales": scales.astype(np.float16),
        },
        {"source": "distilled from BAAI/bge-small-en-v1.5 (MIT) by affekt train words"},
    )
