# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading a checkpoint, and what is refused: one sentence, before anything is computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from affekt.shared.errors import AffektError
from affekt.sidecar.lam import checkpoint as files
from affekt.sidecar.lam.checkpoint import (
    check_known,
    check_memory,
    load_flame,
    load_network,
    open_checkpoint,
)
from affekt.sidecar.lam.surface import divide
from fakes.flame import flame_arrays
from fakes.lam_checkpoint import FLAME, random_weights, write_checkpoint
from fakes.lam_twin import SMALL
from safetensors.torch import load_file

VERTICES = 60
PARAMETER = "transformer.layers.1.attn.norm_added_k.weight"


@pytest.fixture(scope="module")
def flame() -> dict[str, np.ndarray]:
    return flame_arrays(VERTICES)


@pytest.fixture(scope="module")
def whole(flame: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("lam") / "model.safetensors", flame, SMALL)


def refused(path: Path, code: str, *said: str) -> None:
    with pytest.raises(AffektError) as caught:
        load_network(open_checkpoint(path, SMALL))
    assert caught.value.code == code
    assert all(part in str(caught.value) for part in said), str(caught.value)


def test_every_parameter_is_loaded(whole: Path) -> None:
    network = load_network(open_checkpoint(whole, SMALL))
    wanted = dict(random_weights(SMALL, 3))
    found = dict(network.named_parameters())
    assert set(found) == set(wanted)
    for name, values in wanted.items():
        assert torch.equal(found[name], values), name
    assert not any(values.requires_grad for values in found.values())


def test_straight_to_the_precision(whole: Path) -> None:
    network = load_network(open_checkpoint(whole, SMALL), "bfloat16")
    assert network.transformer.layers[0].ff.net[2].weight.dtype == torch.bfloat16
    assert network.renderer.gs_net.out_layers["xyz"].weight.dtype == torch.float32
    assert network.pcl_embed.mlp.weight.dtype == torch.float32


def test_flame_of_the_checkpoint(whole: Path, flame: dict[str, np.ndarray]) -> None:
    found = load_flame(open_checkpoint(whole, SMALL))
    division = divide(flame["f"].astype(np.int32), VERTICES)
    np.testing.assert_array_equal(found.head.faces, flame["f"])
    np.testing.assert_array_equal(found.faces, division.faces)
    assert found.head.space == "flame2023"
    np.testing.assert_allclose(found.head.pose_basis, flame["posedirs"], atol=1e-7)
    np.testing.assert_allclose(
        found.head.expression_basis, flame["shapedirs"][..., 300:], atol=1e-7
    )
    shape = torch.zeros(1, 300)
    shape[0, 7] = 2.0
    points = found.surface.rest_points(shape)[0].numpy()
    ends = flame["v_template"] + 2 * flame["shapedirs"][..., 7]
    np.testing.assert_allclose(points[:VERTICES], ends, atol=1e-6)
    a, b = division.edges[11]
    np.testing.assert_allclose(points[VERTICES + 11], (ends[a] + ends[b]) / 2, atol=1e-6)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod."])
def test_names_that_other_savers_write(
    flame: dict[str, np.ndarray], tmp_path: Path, prefix: str
) -> None:
    path = write_checkpoint(tmp_path / "m.safetensors", flame, SMALL, prefix=prefix)
    assert load_flame(open_checkpoint(path, SMALL)).head.space == "flame2023"


def test_a_missing_parameter(flame: dict[str, np.ndarray], tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path / "m.safetensors", flame, SMALL, drop=(PARAMETER,))
    refused(path, "file.wrong_kind", "1 of ", PARAMETER)


def test_another_network(flame: dict[str, np.ndarray], tmp_path: Path) -> None:
    from dataclasses import replace

    other = replace(SMALL, hidden=13)
    refused(
        write_checkpoint(tmp_path / "m.safetensors", flame, other),
        "file.wrong_kind",
        "another shape, such as (13, 32)",
        "renderer.mlp_net.layers.0.weight",
    )


def test_no_flame(flame: dict[str, np.ndarray], tmp_path: Path) -> None:
    drop = (f"{FLAME}v_template",)
    path = write_checkpoint(tmp_path / "m.safetensors", flame, SMALL, drop=drop)
    refused(path, "file.wrong_kind", "FLAME's mesh is not in it")


def test_a_lam_of_more_points(
    flame: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LAM-80K divides its mesh twice."""
    from fakes import lam_checkpoint

    made = lam_checkpoint.flame_buffers(flame)
    once = divide(flame["f"].astype(np.int32), VERTICES)
    points = once.carry(flame["v_template"].astype(np.float32))
    twice = divide(once.faces, len(points))
    made["faces_up"] = torch.from_numpy(twice.faces.astype(np.int64))
    made["v_template_up"] = torch.from_numpy(twice.carry(points))
    monkeypatch.setattr(lam_checkpoint, "flame_buffers", lambda _: made)
    path = write_checkpoint(tmp_path / "m.safetensors", flame, SMALL)
    refused(path, "file.wrong_kind", f"{len(made['v_template_up']):,} points", "LAM-20K")


def test_a_surface_in_another_order(
    flame: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fakes import lam_checkpoint

    made = lam_checkpoint.flame_buffers(flame)
    made["faces_up"] = made["faces_up"].roll(1, 1)
    monkeypatch.setattr(lam_checkpoint, "flame_buffers", lambda _: made)
    path = write_checkpoint(tmp_path / "m.safetensors", flame, SMALL)
    with pytest.raises(AffektError, match="divided once"):
        load_flame(open_checkpoint(path, SMALL))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_a_truncated_file(whole: Path, tmp_path: Path, share: float) -> None:
    data = whole.read_bytes()
    path = tmp_path / "m.safetensors"
    path.write_bytes(data[: int(share * len(data))])
    refused(path, "file.damaged", "m.safetensors is damaged", "LAM-20K")


def test_flame_of_other_types(whole: Path, flame: dict[str, np.ndarray], tmp_path: Path) -> None:
    """Half precision is read, what is no number refused."""
    from safetensors.torch import save_file

    tensors, path = load_file(whole), tmp_path / "m.safetensors"
    save_file(tensors | {f"{FLAME}shapedirs": tensors[f"{FLAME}shapedirs"].bfloat16()}, path)
    found = load_flame(open_checkpoint(path, SMALL)).head.expression_basis
    np.testing.assert_allclose(found, flame["shapedirs"][..., 300:], rtol=0.01, atol=1e-6)
    for name, dtype in (("v_template", torch.int64), ("faces_up", torch.float32)):
        save_file(tensors | {FLAME + name: tensors[FLAME + name].to(dtype)}, path)
        refused(path, "file.wrong_kind", name, "of another type")


def test_values_that_are_not_numbers(whole: Path, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    tensors = load_file(whole)
    tensors[PARAMETER][2] = float("nan")
    path = tmp_path / "m.safetensors"
    save_file(tensors, path)
    refused(path, "file.damaged", PARAMETER)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"PK\x03\x04 a zip of torch.save", "file.pickled"),
        (b"\x80\x02}q\x00.", "file.pickled"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:f527", "file.lfs_pointer"),
        (b"", "file.wrong_kind"),
        (b"<html>Sign in to download this file</html>", "file.wrong_kind"),
        (b"\x10\0\0\0\0\0\0\0{" + b"[" * 40, "file.damaged"),
    ],
)
def test_other_files(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    refused(path, code, "model.safetensors")


def test_no_file(tmp_path: Path) -> None:
    refused(tmp_path / "none", "file.missing")
    refused(tmp_path, "file.folder")


def test_an_unknown_file_is_asked_about(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = open_checkpoint(whole, SMALL)
    with pytest.raises(AffektError) as caught:
        check_known(found, unknown_allowed=False)
    assert caught.value.code == "file.unknown_weights"
    assert found.sha256[:12] in caught.value.message
    check_known(found, unknown_allowed=True)
    monkeypatch.setattr(files, "RELEASED_SHA256", found.sha256)
    check_known(found, unknown_allowed=False)


def test_too_little_memory_is_said_before() -> None:
    check_memory(2_600_000_000, "bfloat16")
    with pytest.raises(
        AffektError, match=r"needs 3\.5 GB of memory, and 2\.6 GB are free"
    ) as caught:
        check_memory(2_600_000_000, "float32")
    assert caught.value.code == "job.memory"
