# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendered frames arrive in the scene's compositor, each at its own frame and depth."""

from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
from fakes.head import small_head

from .conftest import RunScript, run_script
from .nouns import save


def linear(red: float) -> float:
    """sRGB of 8 bits -> scene linear."""
    value = red / 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


@pytest.mark.two_blenders
@pytest.mark.parametrize("first_frame", [pytest.param(1, marks=pytest.mark.full), 101])
def test_each_frame_of_the_compositor_shows_its_picture(
    first_frame: int, in_blender: RunScript, tmp_path: Path
) -> None:
    take = tmp_path / "take.json"
    take.write_text("{}")
    told = in_blender(
        "compositor.py",
        head=save(small_head(), tmp_path / "head.npz"),
        take=take,
        first_frame=first_frame,
    )
    np.testing.assert_allclose(told["reds"], [linear(i + 1) for i in range(8)], atol=2e-5)
    ledger = ".affekt_frames"
    assert told["files"] == [ledger, *(f"avatar_{first_frame + i:06d}.png" for i in range(8))]
    # A second, shorter rendering replaces the pictures and nothing else.
    assert told["files_after"] == [*told["files"][:5], "mine.txt"]
    assert told["image_nodes"] == ["Affekt Avatar"]
    assert len(told["images"]) == 1
    assert told["occlusion"] == [0.0]  # a PNG has no depth


SIZE = 96
STEP_PX = 6
"""How far the disc of `write_avatar` moves from one frame to the next: to the right and up."""


def disc(index: int, *, right_px: int = 0) -> np.ndarray:
    """(SIZE, SIZE) coverage of a disc with a soft edge, 8 pixels wide; it stands still between
    frames 1 and 2. right_px: so far from the middle."""
    move = STEP_PX * min(index, 1)
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
    columns -= right_px
    away = np.hypot(columns - (SIZE / 2 + move), rows - (SIZE / 2 - move))
    return np.clip((26 - away) / 8, 0, 1).astype(np.float32)


GREEN = (0.0, 0.6, 0.0)


def write_avatar(
    path: Path,
    index: int,
    *,
    right_px: int = 0,
    colour: tuple[float, float, float] = GREEN,
    depth_m: float = 3.0,
) -> None:
    """A disc, as the sidecar writes it: premultiplied, infinite depth around."""
    alpha = disc(index, right_px=right_px)
    channels = {f"Combined.{c}": alpha * v for c, v in zip("RGB", colour, strict=True)}
    channels |= {"Combined.A": alpha, "mask_skin.X": alpha, "mask_hair.X": 0 * alpha}
    channels["Depth.Z"] = np.where(alpha > 0, np.float32(depth_m), np.float32(np.inf))
    channels |= {f"Normal.{c}": (alpha > 0) * -float(c == "Y") for c in "XYZ"}
    # Where it was less where it is, then where it is less where it will be; y up.
    moves = (-STEP_PX * (index == 1),) * 2 + (-STEP_PX * (index == 0),) * 2
    there = alpha > 0
    channels |= {f"Vector.{c}": there * v for c, v in zip("XYZW", moves, strict=True)}
    pixels = {
        f"ViewLayer.{name}": np.ascontiguousarray(values, np.float32)
        for name, values in channels.items()
    }
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, pixels).write(str(path))


@pytest.fixture(scope="module")
def composited(
    blender_python: str, blender_user_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict:
    """What the script told, with its pictures."""
    folder = tmp_path_factory.mktemp("composited")
    take, exrs = folder / "take.json", [folder / f"{index}.exr" for index in range(3)]
    take.write_text("{}")
    for index, path in enumerate(exrs):
        write_avatar(path, index)
    options = {
        "head": save(small_head(), folder / "head.npz"),
        "take": take,
        "exrs": list(map(str, exrs)),
        "size": SIZE,
    }
    told = run_script(blender_python, blender_user_folder, "depth_over.py", options, folder)
    names = ("set", "over", "depth", "blurred")
    return told | {name: np.load(folder / f"{name}.npy") for name in names}


def near(mask: np.ndarray, reach: int) -> np.ndarray:
    """Where a pixel within `reach` has another value than this one."""
    return cv2.dilate(np.uint8(mask), np.ones((2 * reach + 1,) * 2)) != cv2.erode(
        np.uint8(mask), np.ones((2 * reach + 1,) * 2)
    )


def check_occlusion(composited: dict) -> None:
    bare = composited["set"]
    bar = bare[..., 0] > 0.5
    assert 0.05 < bar.mean() < 0.3
    assert bare[~bar & ~near(bar, 1), 2].min() > 0.999
    for index, picture in enumerate(composited["over"]):
        alpha = disc(index)[..., None]
        green = np.array([0, 0.6, 0, 1], np.float32)
        between = alpha * green + (1 - alpha) * bare
        expected = np.where(bar[..., None], bare, between)
        edge = near(bar, 2)
        assert (alpha[..., 0] * (bar & ~edge)).max() == 1  # some of it is hidden
        assert ((alpha[..., 0] > 0.3) & (alpha[..., 0] < 0.7) & ~bar & ~edge).sum() > 100
        np.testing.assert_allclose(picture[~edge], expected[~edge], atol=2e-3)
        # Along the bar's edge each pixel lies between what is in front and what is behind.
        low, high = np.minimum(bare, between)[edge], np.maximum(bare, between)[edge]
        assert (picture[edge] >= low - 2e-3).all()
        assert (picture[edge] <= high + 2e-3).all()


REROUTE = "Reroute.Output"


def check_depth(composited: dict) -> None:
    """Of the picture: the bar's in front of the disc's 3 m, and the wall's behind it."""
    depth, bare = composited["depth"][..., 0], composited["set"]
    bar, inside, outside = bare[..., 0] > 0.5, disc(0) == 1, disc(0) == 0
    edge = near(bar, 2)
    np.testing.assert_allclose(depth[inside & ~bar & ~edge], 3, atol=1e-3)
    assert depth[bar & ~edge].max() < 2.9
    assert depth[outside & ~bar & ~edge].min() > 3.1


def check_blur(composited: dict) -> None:
    """Alpha of the avatar alone, smeared towards where it will be, then where it was."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    for index, way in ((0, 1), (1, -1), (2, 0)):
        blurred, sharp = composited["blurred"][index][..., 3], disc(index)
        right = (blurred * columns).sum() / blurred.sum() - (sharp * columns).sum() / sharp.sum()
        up = (sharp * rows).sum() / sharp.sum() - (blurred * rows).sum() / blurred.sum()
        print(f"frame {index}: blur moves the disc {right:+.2f} px right, {up:+.2f} px up")
        if way:
            assert min(way * right, way * up) > 0.2
        else:
            assert max(abs(right), abs(up)) < 0.05


@pytest.mark.two_blenders
def test_the_avatar_stands_between_the_bar_and_the_wall(composited: dict) -> None:
    check_occlusion(composited)
    check_depth(composited)
    check_blur(composited)
    assert {"Combined", "Depth", "Normal", "Vector", "mask_skin"} <= set(composited["sockets"])
    assert {
        "Render Layers.Depth > Affekt Depth Over.Set Depth",
        "Affekt Avatar.Depth > Affekt Depth Over.Avatar Depth",
        "Affekt Motion Blur.Image > Affekt Depth Over.Avatar",
    } <= set(composited["links"])
    # In a new compositor of Blender 4.5 a reroute stands behind the render layers.
    from_set = {f"{node} > Affekt Depth Over.Set" for node in ("Render Layers.Image", REROUTE)}
    assert from_set & set(composited["links"])
    # The head does not stand where its avatar does, but it still casts a shadow.
    assert [composited["camera_sees_head"], composited["head_renders"]] == [False, True]
    assert [composited["colour_space"], composited["alpha_mode"]] == ["Linear Rec.709", "PREMUL"]


@pytest.mark.two_blenders
def test_the_animators_nodes_stay(composited: dict) -> None:
    place, occlusion, same_links, nodes, images = composited["kept"]
    assert [place, occlusion, same_links] == [[-1234, 55], 0.25, True]
    assert len(nodes) == len(images) == 1
    assert composited["png"] == [0.0, True]
    assert composited["exr_again"] == [1.0, True, True]


@pytest.mark.two_blenders
def test_two_avatars_stand_in_one_shot_and_each_keeps_its_own(
    in_blender: RunScript, tmp_path: Path
) -> None:
    """Ada's disc is 3 m away; Bea's, which is rendered later, 4 m: behind Ada's and the bar,
    before the wall."""
    (tmp_path / "take.json").write_text("{}")
    front, back = ([tmp_path / f"{name}{i}.exr" for i in range(3)] for name in ("near", "far"))
    for index in range(3):
        write_avatar(front[index], index)
        write_avatar(back[index], index, right_px=20, colour=(0.3, 0.0, 0.4), depth_m=4.0)
    told = in_blender(
        "two_avatars.py",
        head=save(small_head(), tmp_path / "head.npz"),
        take=tmp_path / "take.json",
        near=list(map(str, front)),
        far=list(map(str, back)),
        size=SIZE,
    )
    both = np.load(tmp_path / "both.npy")
    check_animations(both, tmp_path)
    from_bar = np.abs(np.arange(SIZE) - (SIZE - 1) / 2)[None]  # it is 20 pixels wide
    places = [(0.0, 0.6, 0.0), (0.3, 0.0, 0.4), (0.0, 0.0, 1.0)]
    for index, picture in enumerate(both):
        ada, bea = disc(index), disc(index, right_px=20)
        shown = [ada == 1, (ada == 0) & (bea == 1), (ada == 0) & (bea == 0)]
        for there, colour in zip(shown, places, strict=True):
            pixels = picture[there & (from_bar > 14) & ~near(ada > 0, 3)]
            assert len(pixels) > 60
            np.testing.assert_allclose(pixels[:, :3], np.tile(colour, (len(pixels), 1)), atol=2e-3)
        np.testing.assert_allclose(picture[:, 44:52, :3], np.broadcast_to((1, 0, 0), (SIZE, 8, 3)))
    roles = ("Affekt Avatar", "Affekt Depth Over", "Affekt Motion Blur")
    assert told["owners"] == [[role, name] for role in roles for name in ("Ada", "Bea")]
    assert told["first_stays"]
    assert told["folders"] == ["Ada", "Bea"]
    assert told["hidden"] == [True, True]
    assert told["explained"] == [True, True]
    assert "has the pictures of Ada" in told["same_folder"]
    assert told["shown"] == [False, True]
    assert told["shown_stays"] == "KEEP"
    assert told["one_frame"] == ["avatar_000002.exr"]
    assert told["codecs"] == ["rle", "ZIP"]
    assert told["sent"] == 3  # motion vectors also show the frames before and after
    assert "frame 9 is outside the take" in told["beyond"]
    assert told["handed_down"] == [[77, ["uv"]], [33, ["uv"]]]
    assert told["scene_is_empty"]
    assert told["stepped"] == ["avatar_000001.exr", "avatar_000003.exr"]
    assert told["after_load"] == [[role, name] for role in roles for name in ("Bea", "Eva")]
    assert told["after_removal"] == [["Affekt Avatar", None], ["Affekt Avatar", "Bea"]]


def check_animations(stills: np.ndarray, folder: Path) -> None:
    """Render Animation shows what F12 shows, in the session and on a farm without Affekt."""
    assert np.abs(stills[0] - stills[2]).max() > 0.1, "the control: the frames differ"
    np.testing.assert_array_equal(np.load(folder / "animation.npy"), stills)
    np.testing.assert_array_equal(np.load(folder / "farm" / "animation.npy"), stills)
