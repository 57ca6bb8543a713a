# SPDX-License-Identifier: GPL-3.0-or-later
"""A modulator's two files: what comes back, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from affekt.shared.errors import InputError
from affekt.shared.motion import numbers_of
from affekt.sidecar.modulation.modulator import load_modulator, modulate
from affekt.sidecar.modulation.network import EMOTION_ENTRIES, NUMBERS, NetworkConfig
from affekt.sidecar.modulation.weights import FORMAT, FORMAT_1, save_modulator
from fakes.modulator import random_modulator, random_take, random_track
from safetensors.torch import load_file, save_file

MODULATOR = random_modulator()


class TestFiles:
    def test_a_saved_modulator_comes_back(self, tmp_path: Path):
        path = tmp_path / "m.safetensors"
        save_modulator(MODULATOR, path)
        loaded = load_modulator(path)
        take, track = random_take(80), random_track(80)
        expected = numbers_of(modulate(take, track, MODULATOR))
        # Half precision on disk.
        assert np.allclose(numbers_of(modulate(take, track, loaded)), expected, atol=2e-2)
        assert list(loaded.lip_closers.items()) == list(MODULATOR.lip_closers.items())
        assert np.array_equal(loaded.mirrored, MODULATOR.mirrored)
        save_modulator(loaded, tmp_path / "again.safetensors")
        assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()

    def test_loading_does_not_touch_the_random_state(self, tmp_path: Path):
        save_modulator(MODULATOR, tmp_path / "m.safetensors")
        torch.manual_seed(0)
        load_modulator(tmp_path / "m.safetensors")
        first = torch.rand(3)
        torch.manual_seed(0)
        assert torch.equal(first, torch.rand(3))

    @pytest.mark.parametrize("emotion", EMOTION_ENTRIES)
    def test_how_emotion_enters_is_kept(self, tmp_path: Path, emotion: str):
        modulator = random_modulator(replace(MODULATOR.network.config, emotion=emotion, variants=0))
        save_modulator(modulator, tmp_path / "m.safetensors")
        loaded = load_modulator(tmp_path / "m.safetensors")
        assert loaded.network.config == modulator.network.config

    def test_a_file_from_before_the_choice_attends(self, tmp_path: Path):
        path = self.saved(tmp_path)
        about = json.loads(path.with_suffix(".json").read_text())
        del about["network"]["emotion"]
        path.with_suffix(".json").write_text(json.dumps(about))
        assert load_modulator(path).network.config == MODULATOR.network.config

    def test_missing(self, tmp_path: Path):
        self.refused("file.missing", tmp_path / "none.safetensors")

    def test_a_folder_and_what_lies_in_it(self, tmp_path: Path):
        error = self.refused("file.folder", tmp_path)
        assert "NAME.safetensors with NAME.json beside it" in error.message
        assert str(tmp_path.with_suffix(".json")) not in str(error)
        assert self.saved(tmp_path).name in self.refused("file.folder", tmp_path).remedy

    def test_half_of_the_pair(self, tmp_path: Path):
        path = self.saved(tmp_path)
        error = self.refused("file.wrong_kind", path.with_suffix(".json"))
        assert "NAME.safetensors" in error.message
        path.with_suffix(".json").unlink()
        error = self.refused("file.missing", path)
        assert f"belongs to the modulator {path.name}" in error.message

    def test_empty(self, tmp_path: Path):
        path = self.saved(tmp_path)
        path.write_bytes(b"")
        self.refused("file.empty", path)

    @pytest.mark.parametrize("keep", [7, 100, 5000, -1])
    def test_truncated(self, tmp_path: Path, keep: int):
        path = self.saved(tmp_path)
        path.write_bytes(path.read_bytes()[:keep])
        self.refused("file.damaged", path)

    @pytest.mark.parametrize(
        ("text", "code"),
        [("not json", "file.damaged"), ("[]", "file.wrong_kind"), ("{}", "file.wrong_kind")],
    )
    def test_wrong_description(self, tmp_path: Path, text: str, code: str):
        path = self.saved(tmp_path)
        path.with_suffix(".json").write_text(text)
        self.refused(code, path)

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"layers": 3}, "its tensors do not fit its description"),
            ({"layers": 0}, "network.layers is 0"),
            ({"layers": 25}, "network.layers is 25"),
            ({"width": 10**9}, "network.width is 1000000000"),
            ({"width": 1025}, "network.width is 1025"),
            ({"heads": 7}, "its network's sizes do not fit together"),
            ({"heads": 33}, "network.heads is 33"),
            ({"hidden": 8193}, "network.hidden is 8193"),
            ({"layers": "2"}, "network.layers is '2'"),
            ({"layers": True}, "network.layers is True"),
            ({"window": 32}, "its network's sizes do not fit together"),
            ({"emotion": "concatenated"}, "its tensors do not fit its description"),
            ({"emotion": "sung"}, "network.emotion is 'sung'"),
            ({"emotion": 1}, "network.emotion is 1"),
            ({"emotion": ["attended"]}, "network.emotion is ['attended']"),
            ({"depth": 2}, "it does not describe the network"),
        ],
        ids=str,
    )
    def test_description_that_does_not_fit(
        self, tmp_path: Path, change: dict[str, object], reason: str
    ):
        path = self.saved(tmp_path)
        about = json.loads(path.with_suffix(".json").read_text())
        about["network"] |= change
        path.with_suffix(".json").write_text(json.dumps(about))
        assert reason in self.refused("file.damaged", path).message

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"asymmetry_gain": 3.01}, "asymmetry_gain is 3.01"),
            ({"asymmetry_gain": -0.01}, "asymmetry_gain is -0.01"),
            ({"lip_closers": [[99, 2.01]]}, "a limit of lip_closers is 2.01"),
            ({"lip_closers": [[99, 1.0], [99, 0.5]]}, "lip_closers names a column"),
            ({"lip_closers": [[103, 1.0]]}, "lip_closers names a column"),
            ({"lip_closers": [[99]]}, "lip_closers is no list of pairs"),
            ({"mirrored": [[0, 103]]}, "mirrored names a column"),
            ({"mirrored": [[0, 0]]}, "mirrored names a column"),
            ({"mirrored": [[0, 1, 2]]}, "mirrored is no list of pairs"),
            ({"variants": [[1.0, 0.0]] * 5}, "variants is no table of 6 x 2 shares"),
            ({"variants": [[1.0]] * 6}, "variants is no table of 6 x 2 shares"),
            ({"variants": []}, "variants is no table of 6 x 2 shares"),
            ({"variants": [[1.0, 1.5]] * 6}, "a share of variants is 1.5"),
            ({"emotions": ["happy"]}, "knows other emotions"),
            ({"format": "affekt geometry modulator 4"}, "does not describe a geometry modulator"),
        ],
        ids=str,
    )
    def test_it_is_said_what_is_wrong(self, tmp_path: Path, change: dict[str, object], reason: str):
        path = self.saved(tmp_path)
        about = json.loads(path.with_suffix(".json").read_text())
        path.with_suffix(".json").write_text(json.dumps(about | change))
        with pytest.raises(InputError) as caught:
            load_modulator(path)
        assert reason in caught.value.message

    def test_rules_up_to_their_limits_are_taken(self, tmp_path: Path):
        path = self.saved(tmp_path)
        about = json.loads(path.with_suffix(".json").read_text())
        rules = {"asymmetry_gain": 3, "lip_closers": [[102, 2], [0, 0]], "mirrored": [[102, 0]]}
        path.with_suffix(".json").write_text(json.dumps(about | rules))
        loaded = load_modulator(path)
        assert loaded.asymmetry_gain == 3
        assert list(loaded.lip_closers.items()) == [(102, 2), (0, 0)]
        assert loaded.mirrored.tolist() == [[102, 0]]

    def test_every_scaling_comes_back_as_itself(self, tmp_path: Path):
        names = ("mean", "scale", "residual_scale", "lowest", "highest", "upper_share")
        values = {
            name: np.arange(NUMBERS, dtype=np.float32) + np.float32(place / 7)
            for place, name in enumerate(names)
        }
        opening = np.arange(5 * NUMBERS, dtype=np.float32).reshape(NUMBERS, 5) / 3
        own = replace(
            MODULATOR,
            **values,
            lip_opening=opening,
            asymmetry_gain=0.625,
            variants=np.arange(12, dtype=np.float32).reshape(6, 2) / 16,
            about={**MODULATOR.about, "trained": "by hand"},
        )
        save_modulator(own, tmp_path / "m.safetensors")
        loaded = load_modulator(tmp_path / "m.safetensors")
        for name, wanted in (values | {"lip_opening": opening}).items():
            np.testing.assert_array_equal(getattr(loaded, name), wanted, err_msg=name)
        assert loaded.asymmetry_gain == 0.625
        np.testing.assert_array_equal(loaded.variants, own.variants)
        assert loaded.about["trained"] == "by hand"
        assert not loaded.network.training
        assert not any(parameter.requires_grad for parameter in loaded.network.parameters())

    @pytest.mark.parametrize(
        "change",
        [{"asymmetry_gain": value} for value in (-1, 9, "much", None, float("nan"))]
        + [
            {"lip_closers": value}
            for value in (
                None,
                {"99": 1.0},
                [99, 1.0],
                [[99]],
                [[99, 1.0, 2]],
                [[103, 1.0]],
                [[-1, 1.0]],
                [[True, 1.0]],
                [["lipSeal", 1.0]],
                [[[], 1.0]],
                [[99, 1.0], [99, 0.5]],
                [[99, -0.1]],
                [[99, 1e9]],
                [[99, "far"]],
                [[99, float("nan")]],
            )
        ]
        + [
            {"mirrored": value}
            for value in (
                None,
                5,
                [0, 1],
                [[0]],
                [[0, 1, 2]],
                [[0, 103]],
                [[-1, 0]],
                [[0, 0]],
                [[0, 1], [1, 2]],
                [[0.0, 1]],
                [["browDownLeft", "browDownRight"]],
                [[0, []]],
            )
        ],
        ids=str,
    )
    def test_rules_that_cannot_be(self, tmp_path: Path, change: dict[str, object]):
        path = self.saved(tmp_path)
        about = json.loads(path.with_suffix(".json").read_text())
        path.with_suffix(".json").write_text(json.dumps(about | change))
        self.refused("file.damaged", path)

    @pytest.mark.parametrize("gain", [None, 1.25])
    def test_a_file_of_the_first_form_follows_the_rules_that_ship(
        self, tmp_path: Path, gain: float | None
    ):
        path = tmp_path / "m.safetensors"
        save_modulator(replace(random_modulator(NetworkConfig(layers=1)), about={}), path)
        about = json.loads(path.with_suffix(".json").read_text())
        for name in ("lip_closers", "mirrored", "asymmetry_gain", "variants"):
            del about[name]
        del about["network"]["variants"]
        about |= {"format": FORMAT_1} | ({} if gain is None else {"side_gain": gain})
        path.with_suffix(".json").write_text(json.dumps(about))
        loaded, shipped = load_modulator(path), load_modulator()
        assert loaded.asymmetry_gain == (gain or 0)
        assert list(loaded.lip_closers.items()) == list(shipped.lip_closers.items())
        assert np.array_equal(loaded.mirrored, shipped.mirrored)
        assert loaded.variants is None
        save_modulator(loaded, path)
        about = json.loads(path.with_suffix(".json").read_text())
        assert about["format"] == FORMAT
        assert "side_gain" not in about

    def test_a_file_of_the_second_form_knows_no_variants(self, tmp_path: Path):
        path = tmp_path / "m.safetensors"
        save_modulator(random_modulator(NetworkConfig(layers=1)), path)
        about = json.loads(path.with_suffix(".json").read_text())
        assert about["format"] == "affekt geometry modulator 3"
        del about["variants"]
        about["format"] = "affekt geometry modulator 2"
        path.with_suffix(".json").write_text(json.dumps(about))
        assert load_modulator(path).variants is None
        about["format"] = "affekt geometry modulator 1"
        path.with_suffix(".json").write_text(json.dumps(about))
        assert load_modulator(path).about["format"] != "affekt geometry modulator 1"

    def test_not_a_number(self, tmp_path: Path):
        path = self.saved(tmp_path)
        tensors = load_file(path)
        tensors["residual.bias"][0] = float("nan")
        save_file(tensors, path)
        self.refused("file.damaged", path)

    def test_a_missing_scaling(self, tmp_path: Path):
        path = self.saved(tmp_path)
        tensors = load_file(path)
        del tensors["mean"]
        save_file(tensors, path)
        self.refused("file.damaged", path)

    def saved(self, folder: Path) -> Path:
        save_modulator(MODULATOR, folder / "m.safetensors")
        return folder / "m.safetensors"

    def refused(self, code: str, path: Path) -> InputError:
        with pytest.raises(InputError) as caught:
            load_modulator(path)
        assert caught.value.code == code
        assert caught.value.remedy
        return caught.value
