# SPDX-License-Identifier: GPL-3.0-or-later
"""The head layer against its plain twin, and the promises of the frame grid."""

import numpy as np
import pytest
import torch
from affekt.shared.errors import InputError
from affekt.shared.motion import Motion, cut_motion, make_motion
from affekt.sidecar.head.forward import HeadLayer, Mover
from affekt.sidecar.head.read import read_head
from fakes.head import small_head
from fakes.twin import pose_frame


def random_motion(frames: int, seed: int = 0, space: str = "open") -> Motion:
    rng = np.random.default_rng(seed)

    def draw(scale: float, width: int) -> np.ndarray:
        return rng.normal(0, scale, (frames, width)).astype(np.float32)

    return make_motion(
        expression=draw(0.5, 100),
        jaw=draw(0.3, 3),
        neck=draw(0.4, 3),
        eyes=draw(0.3, 6),
        rotation=draw(1.0, 3),
        translation=draw(0.2, 3),
        shape=rng.normal(0, 1, 300).astype(np.float32),
        fps=30.0,
        space=space,
    )


@pytest.mark.parametrize("name", ["small", "open"])
def test_agrees_with_the_plain_twin(name: str) -> None:
    head = small_head() if name == "small" else read_head("open")
    motion = random_motion(7)
    found = HeadLayer(head).vertices(motion, 0, 7)
    for frame in range(7):
        expected = pose_frame(head, motion, frame)
        assert np.abs(found[frame] - expected).max() < 1e-5


@pytest.mark.parametrize("name", ["small", "open"])
def test_by_torch_it_agrees_with_the_plain_twin_too(name: str) -> None:
    """The same sum once more, as an adapter is learned by it; each frame by itself."""
    head = small_head() if name == "small" else read_head("open")
    layer, motion = HeadLayer(head), random_motion(5)
    joints = np.stack(
        [motion.rotation, motion.neck, motion.jaw, motion.eyes[:, :3], motion.eyes[:, 3:]], 1
    )
    given = (motion.expression[:, : layer.components], joints, motion.translation)
    found = layer(
        layer.shaped(torch.from_numpy(motion.shape[: len(layer.shape_basis)])),
        *(torch.from_numpy(np.ascontiguousarray(values)) for values in given),
    )
    assert found.shape == (5, len(head.template), 3)
    for frame in range(5):
        expected = pose_frame(head, motion, frame)
        assert np.abs(found[frame].numpy() - expected).max() < 1e-5


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (31, 33), (40, 90), (99, 100)])
def test_a_part_has_the_bits_of_the_whole(start: int, stop: int) -> None:
    layer = HeadLayer(read_head("open"))
    motion = random_motion(100)
    whole = layer.vertices(motion, 0, 100)
    assert np.array_equal(layer.vertices(motion, start, stop), whole[start:stop])


def test_rest_is_the_template() -> None:
    head = small_head()
    motion = make_motion(expression=np.zeros((2, 100), np.float32), fps=30, space="open")
    assert np.abs(HeadLayer(head).vertices(motion, 0, 2) - head.template).max() < 1e-7


def test_another_space_is_refused() -> None:
    motion = random_motion(1, space="flame2023")
    with pytest.raises(InputError) as caught:
        HeadLayer(small_head()).vertices(motion, 0, 1)
    assert caught.value.code == "space.no_adapter"


def test_whole_head_moves_rigidly_with_the_root() -> None:
    head = read_head("open")
    motion = cut_motion(random_motion(2), 0, 1)
    still = make_motion(expression=motion.expression, fps=30, space="open", shape=motion.shape)
    turned = make_motion(
        expression=motion.expression,
        fps=30,
        space="open",
        shape=motion.shape,
        rotation=motion.rotation,
        translation=motion.translation,
    )
    layer = HeadLayer(head)
    a, b = layer.vertices(still, 0, 1)[0], layer.vertices(turned, 0, 1)[0]
    picks = np.random.default_rng(0).integers(0, len(a), (200, 2))
    before = np.linalg.norm(a[picks[:, 0]] - a[picks[:, 1]], axis=1)
    after = np.linalg.norm(b[picks[:, 0]] - b[picks[:, 1]], axis=1)
    assert np.abs(before - after).max() < 1e-6


def test_a_block_that_fails_keeps_no_buffer():
    """With the one buffer that there is, the next blocks still come."""

    def compute(motion: Motion, low: int, out: np.ndarray) -> None:
        if low == 0:
            raise MemoryError("no room")
        out[:] = low

    motion = make_motion(expression=np.zeros((130, 100)), fps=25.0, space="open")
    mover = Mover([compute], 4)
    with pytest.raises(MemoryError):
        list(mover.blocks(motion, 0, 10))
    assert mover._idle.qsize() == 1, "else the next block would wait for ever"
    first, second = mover.blocks(motion, 60, 70)
    assert (first.shape, first[0, 0, 0], second.shape) == ((4, 4, 3), 60, (6, 4, 3))
