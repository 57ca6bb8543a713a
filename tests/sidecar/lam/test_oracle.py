# SPDX-License-Identifier: GPL-3.0-or-later
"""LAM's network against the arrays of LAM's own code on a small model with random weights."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from affekt.sidecar.lam.emotion import Feeling
from affekt.sidecar.lam.gaussian_head import Attributes
from affekt.sidecar.lam.network import LamNetwork
from affekt.sidecar.lam.settings import LamConfig
from affekt.sidecar.lam.surface import LamPose, LamSurface, divide, move_points
from affekt.sidecar.steps import finish
from numpy.typing import NDArray
from torch import Tensor

CLOSE, CLOSER = 1e-4, 2e-5


@dataclass(frozen=True)
class Oracle:
    arrays: dict[str, NDArray]
    network: LamNetwork

    def tensor(self, name: str) -> Tensor:
        return torch.from_numpy(self.arrays[name].astype(np.float32))


def oracle_path() -> Path | None:
    data = os.environ.get("AFFEKT_TEST_DATA")
    path = None if data is None else Path(data).parent / "reference" / "lam_oracle.npz"
    return path if path is not None and path.is_file() else None


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    path = oracle_path()
    if path is None:
        pytest.skip("no lam_oracle.npz in reference/ beside AFFEKT_TEST_DATA")
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != "ply/columns"}
    said = json.loads(bytes(arrays["config_json"]))
    config = LamConfig(
        encoder_width=said["encoder_embed_dim"],
        encoder_layers=said["encoder_depth"],
        encoder_heads=said["encoder_heads"],
        taps=tuple(said["encoder_taps"]),
        patch=said["encoder_patch"],
        registers=said["encoder_registers"],
        grid=said["encoder_pos_grid"],
        features=said["encoder_feat_dim"],
        width=said["transformer_dim"],
        heads=said["transformer_heads"],
        layers=said["transformer_layers"],
        hidden=said["gs_mlp_network_config"]["n_neurons"],
        image_side=said["image_size"],
    )
    network = LamNetwork(config)
    state = {k[2:]: torch.from_numpy(v).float() for k, v in arrays.items() if k[:2] == "w/"}
    network.load_state_dict(state)
    return Oracle(arrays, network.requires_grad_(False).eval())


@pytest.fixture(scope="module")
def surface(oracle: Oracle) -> LamSurface:
    template, faces = oracle.arrays["flame/v_template"], oracle.arrays["flame/faces"]
    division = divide(faces, len(template))
    directions = oracle.arrays["flame/shapedirs"].astype(np.float32)
    weights = oracle.arrays["flame/weights"].astype(np.float32)
    return LamSurface(
        template=torch.from_numpy(template),
        directions=torch.from_numpy(directions),
        regressor=oracle.tensor("flame/J_regressor"),
        points=torch.from_numpy(division.carry(template)),
        point_directions=torch.from_numpy(division.carry(directions)),
        skin_weights=torch.from_numpy(division.carry(weights)),
    )


@pytest.fixture(scope="module")
def image(oracle: Oracle) -> Tensor:
    return oracle.tensor("in/image_u8").permute(2, 0, 1)[None] / 255


@pytest.fixture(scope="module")
def made(oracle: Oracle, surface: LamSurface) -> Iterator[tuple[Tensor, Attributes]]:
    points = surface.rest_points(oracle.tensor("in/betas"))
    features = oracle.tensor("enc/fused")[None]
    out = finish(oracle.network.attend(features, points))
    return out, oracle.network.renderer(out)


def check(found: Tensor, wanted: NDArray, limit: float = CLOSE) -> None:
    assert found.shape == wanted.shape
    assert np.abs(found.numpy() - wanted).max() < limit


def test_surface(oracle: Oracle, surface: LamSurface) -> None:
    division = divide(oracle.arrays["flame/faces"], len(oracle.arrays["flame/v_template"]))
    assert np.array_equal(division.faces, oracle.arrays["flame_up/faces"])
    check(surface.points, oracle.arrays["flame_up/v_template"])
    check(surface.skin_weights, oracle.arrays["flame_up/lbs_weights"])
    some = torch.cat([surface.point_directions[..., :3], surface.point_directions[..., 300:303]], 2)
    check(some, oracle.arrays["flame_up/shapedirs_first3_expr_first3"])


def test_encoder(oracle: Oracle, image: Tensor) -> None:
    model = oracle.network.encoder.model
    check(model.positions(36)[0], oracle.arrays["enc/pos_embed_36x36"])
    tokens = model.begin(image)
    check(tokens[0], oracle.arrays["enc/tokens_in"])
    taps = []
    for index, block in enumerate(model.blocks):
        tokens = block(tokens)
        if index in model.taps:
            taps.append(model.tapped(tokens))
            check(taps[-1][0], oracle.arrays[f"enc/tap{len(taps) - 1}_normed"])
            cls = model.norm(tokens)[0, 0]
            check(cls, oracle.arrays[f"enc/tap{len(taps) - 1}_cls_normed"])
    check(oracle.network.encoder.fusion_head(taps)[0], oracle.arrays["enc/fused"])
    check(finish(oracle.network.encode(image))[0], oracle.arrays["enc/fused"])


def test_queries(oracle: Oracle, surface: LamSurface) -> None:
    points = surface.rest_points(oracle.tensor("in/betas"))
    check(points[0], oracle.arrays["q/points"])
    check(oracle.network.pcl_embed(points)[0], oracle.arrays["q/embed"])


def test_decoder_layer_by_layer(oracle: Oracle) -> None:
    decoder = oracle.network.transformer
    points, photo = oracle.tensor("q/embed")[None], decoder.begin(oracle.tensor("enc/fused")[None])
    check(photo[0], oracle.arrays["dec/cond"])
    first = decoder.layers[0]
    own, of_photo = first.attn(first.norm1(points), first.norm1_context(photo), None)
    check(own[0, ::4], oracle.arrays["dec/layer0_attn_x_every4"])
    check(of_photo[0, ::4], oracle.arrays["dec/layer0_attn_ctx_every4"])
    for index, block in enumerate(decoder.layers):
        points, photo = block(points, photo, None)
        check(points[0, ::4], oracle.arrays[f"dec/layer{index}_x_every4"])
        if index < 2:
            check(photo[0, ::4], oracle.arrays[f"dec/layer{index}_ctx_every4"])


def test_gaussians(oracle: Oracle, made: tuple[Tensor, Attributes]) -> None:
    out, gaussians = made
    check(out[0], oracle.arrays["dec/out"], CLOSER)
    check(oracle.network.renderer.mlp_net(out)[0, ::4], oracle.arrays["gs/mlp_out_every4"])
    check(gaussians.colours[0], oracle.arrays["gs/rgb"], CLOSER)
    check(gaussians.scales[0], oracle.arrays["gs/scaling"], CLOSER)
    check(gaussians.offsets[0], oracle.arrays["gs/offset"], CLOSER)
    check(gaussians.opacities[0], oracle.arrays["gs/opacity"], CLOSER)
    check(gaussians.quaternions[0], oracle.arrays["gs/rotation"], CLOSER)


def test_photo_to_gaussians(oracle: Oracle, surface: LamSurface, image: Tensor) -> None:
    points = surface.rest_points(oracle.tensor("in/betas"))
    gaussians = oracle.network(image, points)
    check(points[0] + gaussians.offsets[0], oracle.arrays["gs/xyz"])
    check(gaussians.colours[0], oracle.arrays["gs/rgb"], CLOSE)


def test_moved(oracle: Oracle, surface: LamSurface) -> None:
    names = ("expr", "rotation", "neck_pose", "jaw_pose", "eyes_pose", "translation")
    expression, rotation, neck, jaw, eyes, translation = (
        oracle.tensor(f"anim/in_{name}") for name in names
    )
    pose = LamPose(
        shape=oracle.tensor("anim/in_betas").expand(2, -1),
        expression=expression,
        rotation=rotation,
        neck=neck,
        jaw=jaw,
        eyes=eyes,
        translation=translation,
    )
    moved = move_points(surface, oracle.tensor("gs/xyz"), pose)
    check(moved, oracle.arrays["anim/xyz"])


def feeling(oracle: Oracle, opening: float | None) -> Feeling:
    tokens = oracle.tensor("emo/extra_tokens")[None]
    layers = oracle.network.config.layers
    return Feeling(
        tokens=tokens, openings=None if opening is None else torch.full((layers, 1), opening)
    )


def attended(oracle: Oracle, surface: LamSurface, felt: Feeling | None) -> Tensor:
    points = surface.rest_points(oracle.tensor("in/betas"))
    return finish(oracle.network.attend(oracle.tensor("enc/fused")[None], points, felt))[0]


def test_concatenated_tokens(oracle: Oracle, surface: LamSurface) -> None:
    out = attended(oracle, surface, feeling(oracle, None))
    check(out[::4], oracle.arrays["emo/append_dec_out_every4"])
    gaussians = oracle.network.renderer(out[None])
    check(gaussians.colours[0, ::4], oracle.arrays["emo/append_rgb_every4"])


@pytest.mark.parametrize(("opening", "array"), [(1.0, "emo/append"), (0.25, "own/gate025")])
def test_gated_tokens(oracle: Oracle, surface: LamSurface, opening: float, array: str) -> None:
    out = attended(oracle, surface, feeling(oracle, opening))
    check(out[::4], oracle.arrays[f"{array}_dec_out_every4"])


def test_closed_gates_are_lam(
    oracle: Oracle, surface: LamSurface, made: tuple[Tensor, Attributes]
) -> None:
    check(attended(oracle, surface, feeling(oracle, 0.0)), made[0][0].numpy(), CLOSER)
    assert torch.equal(attended(oracle, surface, None), made[0][0])
