# SPDX-License-Identifier: GPL-3.0-or-later
"""Writers of packed files of Gaussians, one Gaussian after the other as the formats' descriptions
say: plain twins of the readers. They take `Splats` and round to the nearest step."""

from __future__ import annotations

import gzip
import io
import json
import math
import struct
from collections.abc import Sequence

import numpy as np
from affekt.sidecar.avatar.splats import DC, Splats
from PIL import Image

from .lam import pack_zip

SPZ_AXES = {"LUB": 3, "RUB": 4, "RDF": 6, "LUF": 7, "RUF": 8, "RFU": 12, "LBD": 13}


def some_splats(count: int = 40, harmonics: int = 0, seed: int = 5) -> Splats:
    """Gaussians of a head's size, nothing about them symmetric."""
    rng = np.random.default_rng(seed)
    quaternions = rng.normal(size=(count, 4))
    quaternions /= np.linalg.norm(quaternions, axis=1, keepdims=True)
    values = {
        "means": rng.normal((0.02, 1.6, -0.05), (0.07, 0.1, 0.09), (count, 3)),
        "quaternions": quaternions,
        "scales": np.exp(rng.uniform(-7, -3, (count, 3))),
        "opacities": rng.uniform(0.05, 0.95, count),
        "colours": rng.uniform(0.1, 0.9, (count, 3)),
        "harmonics": rng.uniform(-0.4, 0.4, (count, harmonics, 3)) if harmonics else None,
    }
    return Splats(**{k: None if v is None else v.astype(np.float32) for k, v in values.items()})


def byte(value: float) -> int:
    return int(min(max(round(value), 0), 255))


def antimatter15(splats: Splats) -> bytes:
    out = b""
    for i in range(len(splats.means)):
        rgba = [byte(255 * c) for c in (*splats.colours[i], splats.opacities[i])]
        turn = [byte(128 + 128 * q) for q in splats.quaternions[i]]
        out += struct.pack("<3f3f4B4B", *splats.means[i], *splats.scales[i], *rgba, *turn)
    return out


def spz_tables(splats: Splats, version: int, bits: int = 12) -> list[bytes]:
    """The tables of bytes, positions to harmonics."""
    tables = [bytearray() for _ in range(6)]
    for i in range(len(splats.means)):
        for x in splats.means[i]:
            tables[0] += struct.pack("<i", round(float(x) * 2**bits))[:3]
        tables[1].append(byte(255 * splats.opacities[i]))
        tables[2] += bytes(byte(255 * (0.5 + 0.15 * (c - 0.5) / DC)) for c in splats.colours[i])
        tables[3] += bytes(byte(16 * (math.log(s) + 10)) for s in splats.scales[i])
        w, *xyz = splats.quaternions[i].tolist()
        tables[4] += first_three(xyz, w) if version < 3 else smallest_three([*xyz, w])
        if splats.harmonics is not None:
            tables[5] += bytes(byte(128 + 128 * h) for h in splats.harmonics[i].ravel())
    return [bytes(table) for table in tables]


def first_three(xyz: Sequence[float], w: float) -> bytes:
    return bytes(byte(127.5 + 127.5 * (x if w >= 0 else -x)) for x in xyz)


def smallest_three(xyzw: Sequence[float]) -> bytes:
    """Two bits for the largest's place, then a sign and nine bits for each of the others."""
    largest = max(range(4), key=lambda k: abs(xyzw[k]))
    sign = -1 if xyzw[largest] < 0 else 1
    word = largest
    for place, value in enumerate(xyzw):
        if place != largest:
            size = round(511 * abs(value) / math.sqrt(0.5))
            word = word << 10 | (512 if sign * value < 0 else 0) | size
    return struct.pack("<I", word)


def spz(
    splats: Splats, version: int = 3, *, bits: int = 12, axes: str | None = None, degree: int = -1
) -> bytes:
    """axes: what Adobe's extension says, if anything. degree: the header's, if not the harmonics'.
    Version 4 needs the package zstandard."""
    known = 0 if splats.harmonics is None else splats.harmonics.shape[1]
    if degree < 0:
        degree = {0: 0, 3: 1, 8: 2, 15: 3, 24: 4}[known]
    extension = b"" if axes is None else struct.pack("<3I", 0xADBE0003, 4, SPZ_AXES[axes])
    if extension:  # after somebody else's
        extension = struct.pack("<2I4s", 0x12340001, 4, b"abcd") + extension
    flags = 2 if extension else 0
    count, tables = len(splats.means), spz_tables(splats, version, bits)
    if version < 4:
        head = struct.pack("<4sIIBBBB", b"NGSP", version, count, degree, bits, flags, 0)
        return gzip.compress(head + b"".join(tables) + extension)
    import zstandard

    packed = [zstandard.ZstdCompressor().compress(table) for table in tables if table]
    sizes = [len(table) for table in tables if table]
    start = 32 + len(extension)
    head = struct.pack(
        "<4sIIBBBBI12x", b"NGSP", version, count, degree, bits, flags, len(sizes), start
    )
    toc = b"".join(struct.pack("<QQ", len(p), s) for p, s in zip(packed, sizes, strict=True))
    return head + extension + toc + b"".join(packed)


def ksplat(
    sections: Sequence[Splats], level: int = 1, *, capacity: int = 16, partial: Sequence[int] = ()
) -> bytes:
    """Buckets are simply runs of `capacity` Gaussians in cubes of 2 m, the last one not full, and
    one section may have room to spare. partial: Gaussians in each bucket that is not full, if
    there are several."""
    least, most = -1.25, 1.5
    total = sum(len(s.means) for s in sections)
    head = bytearray(4096)
    struct.pack_into("<BBxxIIIIH", head, 0, 0, 1, len(sections), len(sections), total, total, level)
    struct.pack_into("<3fff", head, 24, 0, 0, 0, least, most)
    headers, bodies = [], []
    for splats in sections:
        header, body = _ksplat_section(splats, level, capacity, partial, (least, most))
        headers.append(header)
        bodies.append(body)
    return bytes(head) + b"".join(headers) + b"".join(bodies)


def _ksplat_section(
    splats: Splats, level: int, capacity: int, partial: Sequence[int], bounds: tuple[float, float]
) -> tuple[bytes, bytes]:
    count, block, half = len(splats.means), 2.0, 32767
    known = 0 if splats.harmonics is None else splats.harmonics.shape[1]
    full, left = divmod(count - sum(partial), capacity)
    partial = partial or ((left,) if left else ())
    lengths = [capacity] * full + list(partial)
    bucket = np.repeat(np.arange(len(lengths)), lengths)
    middles = [splats.means[bucket == k].mean(0) for k in range(len(lengths))]
    body = b""
    if level:
        body += struct.pack(f"<{len(partial)}I", *partial)
        body += b"".join(struct.pack("<3f", *middle) for middle in middles)
    real = "f" if level == 0 else "e"
    for i in range(count):
        if level == 0:
            body += struct.pack("<3f", *splats.means[i])
        else:
            steps = (splats.means[i] - middles[bucket[i]]) * half / (block / 2)
            body += struct.pack("<3H", *(round(float(s)) + half for s in steps))
        body += struct.pack(f"<7{real}", *splats.scales[i], *splats.quaternions[i])
        rgba = (*splats.colours[i], splats.opacities[i])
        body += bytes(byte(255 * c) for c in rgba)
        if known:
            body += _ksplat_harmonics(splats.harmonics[i], level, bounds)
    room = count + 3
    row = {0: 44, 1: 24, 2: 24}[level] + {0: 4, 1: 2, 2: 1}[level] * 3 * known
    header = bytearray(1024)
    counts = (full, len(partial))
    buckets = (capacity, len(lengths), block, 12, half, 0, *counts) if level else (0,) * 8
    struct.pack_into("<IIIIfHxxIIII", header, 0, count, room, *buckets)
    struct.pack_into("<H", header, 40, {0: 0, 3: 1, 8: 2, 15: 3}[known])
    return bytes(header), body + bytes(3 * row)


def _ksplat_harmonics(terms: np.ndarray, level: int, bounds: tuple[float, float]) -> bytes:
    """Degree by degree, and in each first red, then green, then blue."""
    out, start = b"", 0
    for degree in (1, 2, 3):
        band = terms[start : start + 2 * degree + 1]
        start += 2 * degree + 1
        for channel in range(3 if len(band) else 0):
            for value in band[:, channel].tolist():
                if level == 2:
                    share = (value - bounds[0]) / (bounds[1] - bounds[0])
                    out += bytes([byte(255 * share)])
                else:
                    out += struct.pack("<f" if level == 0 else "<e", value)
    return out


def sog_files(splats: Splats, version: int = 2) -> dict[str, bytes]:
    """`meta.json` and the pictures, 8 pixels wide. Codebooks have 256 even steps."""
    count = len(splats.means)
    log = np.log(splats.scales.astype(np.float64))
    dc = (splats.colours.astype(np.float64) - 0.5) / DC
    folded = np.sign(splats.means) * np.log1p(np.abs(splats.means.astype(np.float64)))
    means, (lows, highs) = _bytes_between(folded, 65535)
    scales, scale_bounds = _bytes_between(log, 255)
    colours, colour_bounds = _bytes_between(dc, 255)
    inside = np.clip(splats.opacities.astype(np.float64), 1e-6, 1 - 1e-6)
    logit = np.log(inside / (1 - inside))[:, None]
    alpha, alpha_bounds = _bytes_between(logit, 255)
    if version == 2:
        scales, scale_book = _in_book(log)
        colours, colour_book = _in_book(dc)
        alpha = np.round(splats.opacities * 255).astype(int)[:, None]
    files = {
        "means_l.webp": _webp(means & 255),
        "means_u.webp": _webp(means >> 8),
        "scales.webp": _webp(scales),
        "quats.webp": _webp(np.array([_sog_rotation(q) for q in splats.quaternions.tolist()])),
        "sh0.webp": _webp(np.concatenate([colours, alpha], 1)),
    }
    meta: dict[str, dict | int] = {
        "means": {"mins": lows, "maxs": highs, "files": ["means_l.webp", "means_u.webp"]},
        "scales": {"files": ["scales.webp"]},
        "quats": {"files": ["quats.webp"]},
        "sh0": {"files": ["sh0.webp"]},
    }
    if version == 2:
        meta |= {"version": 2, "count": count}
        meta["scales"]["codebook"] = scale_book
        meta["sh0"]["codebook"] = colour_book
    else:
        meta["means"]["shape"] = [count, 3]
        for k, key in enumerate(("mins", "maxs")):
            meta["scales"][key] = scale_bounds[k]
            meta["sh0"][key] = [*colour_bounds[k], *alpha_bounds[k]]
    if splats.harmonics is not None:
        meta["shN"] = _sog_harmonics(splats.harmonics.astype(np.float64), version, files)
    return {"meta.json": json.dumps(meta).encode(), **files}


def _sog_harmonics(terms: np.ndarray, version: int, files: dict[str, bytes]) -> dict:
    """A palette with an entry for each Gaussian, in reverse order."""
    count, known = terms.shape[:2]
    packed, bounds = _bytes_between(terms.reshape(-1, 1), 255)
    book = np.linspace(bounds[0][0], bounds[1][0], 256).tolist()
    rows = -(-count // 64)
    palette = np.zeros((rows * 64, known, 4), np.uint8)
    palette[:count, :, :3] = packed.reshape(count, known, 3)[::-1]
    palette[..., 3] = 255
    labels = np.arange(count)[::-1]
    files["shN_centroids.webp"] = _encode(palette.reshape(rows, 64 * known, 4))
    files["shN_labels.webp"] = _webp(np.stack([labels & 255, labels >> 8, 0 * labels], 1))
    names = {"files": ["shN_centroids.webp", "shN_labels.webp"]}
    if version == 1:
        return {**names, "mins": bounds[0][0], "maxs": bounds[1][0]}
    bands = {3: 1, 8: 2, 15: 3}[known]
    return {**names, "count": count, "bands": bands, "codebook": book}


def sog(splats: Splats, version: int = 2) -> bytes:
    return pack_zip(sog_files(splats, version))


def _bytes_between(values: np.ndarray, most: int) -> tuple[np.ndarray, tuple[list, list]]:
    low, high = values.min(0), values.max(0)
    steps = np.round((values - low) / np.maximum(high - low, 1e-9) * most).astype(int)
    return steps, (low.tolist(), high.tolist())


def _in_book(values: np.ndarray) -> tuple[np.ndarray, list[float]]:
    book = np.linspace(values.min(), values.max(), 256)
    return np.abs(values[..., None] - book).argmin(-1), book.tolist()


def _sog_rotation(wxyz: Sequence[float]) -> list[int]:
    largest = max(range(4), key=lambda k: abs(wxyz[k]))
    sign = -1 if wxyz[largest] < 0 else 1
    rest = [sign * v for k, v in enumerate(wxyz) if k != largest]
    return [*(byte(255 * (v * math.sqrt(2) / 2 + 0.5)) for v in rest), 252 + largest]


def _webp(values: np.ndarray) -> bytes:
    """A picture 8 pixels wide of (N, C) bytes; what is not given is 255."""
    rows = -(-len(values) // 8)
    pixels = np.full((rows * 8, 4), 255, np.uint8)
    pixels[: len(values), : values.shape[1]] = values
    return _encode(pixels.reshape(rows, 8, 4))


def _encode(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "WEBP", lossless=True, exact=True)
    return out.getvalue()


def compressed_ply(splats: Splats, *, with_colours: bool = True) -> bytes:
    """One chunk of at most 256. with_colours: whether it has bounds for them, as newer files do."""
    count = len(splats.means)
    log = np.log(splats.scales.astype(np.float64))
    bounds = [
        (f"{end}_{kind}{axis}", float(getattr(values[:, k], end)()))
        for kind, values in (("", splats.means), ("scale_", log))
        for end in ("min", "max")
        for k, axis in enumerate("xyz")
    ]
    rgb = splats.colours.astype(np.float64)
    if with_colours:
        bounds += [
            (f"{end}_{axis}", float(getattr(rgb[:, k], end)()))
            for end in ("min", "max")
            for k, axis in enumerate("rgb")
        ]
    of = dict(bounds)
    known = 0 if splats.harmonics is None else splats.harmonics.shape[1]
    lines = ["ply", "format binary_little_endian 1.0", "element chunk 1"]
    lines += [f"property float {name}" for name, _ in bounds]
    lines += [f"element vertex {count}"]
    lines += [f"property uint packed_{what}" for what in ("position", "rotation", "scale", "color")]
    if known:
        lines += [f"element sh {count}"]
        lines += [f"property uchar f_rest_{k}" for k in range(3 * known)]
    out = ("\n".join([*lines, "end_header"]) + "\n").encode()
    out += struct.pack(f"<{len(bounds)}f", *(value for _, value in bounds))
    for i in range(count):
        shares = [_share(of, "", "xyz"[k], splats.means[i, k]) for k in range(3)]
        sizes = [_share(of, "scale_", "xyz"[k], log[i, k]) for k in range(3)]
        colour = [
            _share(of, "", "rgb"[k], rgb[i, k]) if with_colours else rgb[i, k] for k in range(3)
        ]
        word = 0
        for value in (*colour, splats.opacities[i]):
            word = word << 8 | byte(255 * value)
        turn = _ten_bits(splats.quaternions[i].tolist())
        out += struct.pack("<4I", _eleven(shares), turn, _eleven(sizes), word)
    for i in range(count if known else 0):
        values = splats.harmonics[i].T.ravel()  # channel by channel
        out += bytes(min(max(math.floor((v / 8 + 0.5) * 256), 0), 255) for v in values.tolist())
    return out


def _share(bounds: dict[str, float], kind: str, axis: str, value: float) -> float:
    low, high = bounds[f"min_{kind}{axis}"], bounds[f"max_{kind}{axis}"]
    return float((value - low) / (high - low))


def _eleven(xyz: Sequence[float]) -> int:
    return round(xyz[0] * 2047) << 21 | round(xyz[1] * 1023) << 11 | round(xyz[2] * 2047)


def _ten_bits(wxyz: Sequence[float]) -> int:
    largest = max(range(4), key=lambda k: abs(wxyz[k]))
    sign = -1 if wxyz[largest] < 0 else 1
    word = largest
    for place, value in enumerate(wxyz):
        if place != largest:
            word = word << 10 | round((sign * value * math.sqrt(0.5) + 0.5) * 1023)
    return word
