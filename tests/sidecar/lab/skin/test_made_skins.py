# SPDX-License-Identifier: GPL-3.0-or-later
"""Made-up skins: the wrinkles that they have, the trace of them at rest, the blood in them."""

import numpy as np
import pytest
from affekt.shared.emotion import EMOTIONS
from affekt.shared.wrinkle_patterns import Groove
from affekt.sidecar.avatar.face_chart import EDGE, texel_places_mm
from affekt.sidecar.avatar.skin_maps import MAPS
from affekt.sidecar.avatar.skin_zones import FOLDS, fold_zones
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.skin.samples import NO_EMOTION, Samples
from affekt.sidecar.lab.skin.stock import Stock
from affekt.sidecar.lab.skin.truth import draw_heights
from affekt.sidecar.lab.skin.wrinkle_identity import (
    WrinkleIdentity,
    draw_identity,
    in_emotion,
    usual_folds,
)


@pytest.fixture(scope="module")
def samples() -> Samples:
    return Samples(read_head("open"))


def people(count: int) -> list[WrinkleIdentity]:
    return [draw_identity(np.random.default_rng([3, number])) for number in range(count)]


def test_a_groove_on_the_chart_by_hand() -> None:
    """A level valley 0.4 mm deep at y = -30, seen 2 mm above its middle at x = 26, in a zone that
    is whole there; nothing beyond its ends nor in another fold."""
    groove = Groove(((14, -30), (38, -30)), 2.0, 0.4)
    folds = {name: (groove,) if name == "smile" else () for name in FOLDS}
    heights = draw_heights(folds)
    x, y = texel_places_mm()
    near = np.unravel_index(np.hypot(x - 26, y + 28).argmin(), x.shape)
    away = abs(float(y[near]) + 30) / np.hypot(2.0, 0.6 * 0.33)
    wanted = -0.4 * (np.exp(-0.5 * away**2) - 0.12 * np.exp(-0.5 * (away - 2.4) ** 2))
    assert heights[FOLDS.index("smile")][near] == pytest.approx(wanted, abs=0.01)
    assert wanted == pytest.approx(-0.22, abs=0.03)
    assert heights[FOLDS.index("smile")][:, x[0] < 10].min() == 0
    assert not heights[[FOLDS.index(n) for n in FOLDS if n != "smile"]].any()


def test_only_folds_that_an_emotion_changes_are_drawn_again() -> None:
    person = people(1)[0]
    at_rest = draw_heights(person.folds)
    marked = at_rest + 1
    found = draw_heights(in_emotion(person, "sad"), (person.folds, marked))
    changed = [i for i, name in enumerate(FOLDS) if not np.array_equal(found[i], marked[i])]
    assert [FOLDS[i] for i in changed] == ["forehead", "glabella"]
    np.testing.assert_array_equal(found[changed], draw_heights(in_emotion(person, "sad"))[changed])


def test_folds_stay_in_their_zones_and_differ_from_person_to_person() -> None:
    grown = [person for person in people(20) if person.age > 0.5][:6]
    drawn = [draw_heights(person.folds) for person in grown]
    assert all(np.abs(heights[fold_zones() == 0]).max() == 0 for heights in drawn)
    flat = [heights.ravel() for heights in drawn]
    alike = [np.corrcoef(flat[a], flat[b])[0, 1] for a in range(6) for b in range(a)]
    assert np.mean(alike) < 0.85
    assert all(-1.2 < heights.min() < -0.15 and heights.max() < 0.25 for heights in drawn)


def test_the_young_fold_as_everybody_does() -> None:
    common = draw_heights(usual_folds()).ravel()
    by_age = sorted(people(40), key=lambda person: person.age)
    young, old = by_age[0], by_age[-1]
    assert young.age < 0.1 < 0.9 < old.age
    alike = [np.corrcoef(draw_heights(p.folds).ravel(), common)[0, 1] for p in (young, old)]
    assert alike[0] > 0.995
    assert alike[1] < 0.8
    assert all(0.03 <= share <= 0.28 for person in by_age for share in person.trace.values())
    assert np.mean(list(old.trace.values())) > 2.5 * np.mean(list(young.trace.values()))


def test_a_sample_is_its_numbers_alone(samples: Samples) -> None:
    one, again = (samples.make("train", 7, 4) for _ in range(2))
    for name in ("maps", "heights", "flush", "colour"):
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
    others = (samples.make("held-out", 7, 4), samples.make("train", 8, 4))
    assert all(np.abs(one.maps - other.maps).mean() > 0.05 for other in others)
    assert one.maps.shape == (len(MAPS), EDGE, EDGE)
    assert np.isfinite(one.maps).all()
    assert np.abs(one.maps).max() <= 3
    in_another = samples.make("train", 7, 4, (one.state + 1) % (NO_EMOTION + 1))
    np.testing.assert_array_equal(one.maps, in_another.maps)


def oldest_held_out(count: int) -> int:
    ages = []
    for number in range(count):
        rng = np.random.default_rng([1, 1, number])
        rng.integers(NO_EMOTION + 1)
        ages.append(draw_identity(rng).age)
    return int(np.argmax(ages))


def test_the_trace_of_wrinkles_is_what_shows_of_them_at_rest(samples: Samples) -> None:
    """A swap lends a person's wrinkles to another skin: the same truth, and maps that differ from
    the other's own where those wrinkles are."""
    lender, wearer = oldest_held_out(12), 11
    own = samples.make("held-out", 1, lender, NO_EMOTION)
    lent = samples.make_swapped(1, wearer, lender, NO_EMOTION)
    plain = samples.make("held-out", 1, wearer, NO_EMOTION)
    np.testing.assert_array_equal(lent.heights, own.heights)
    np.testing.assert_array_equal(lent.maps[MAPS.index("hair")], plain.maps[MAPS.index("hair")])
    change = (lent.maps - plain.maps)[MAPS.index("fine")]
    either = np.abs(own.heights).sum(0) + np.abs(plain.heights).sum(0)
    bare = samples.skin > 0.99
    assert (
        np.abs(change[bare & (either > 0.1)]).mean()
        > 2 * np.abs(change[bare & (either == 0)]).mean()
    )


def test_anger_reddens_and_fear_pales(samples: Samples) -> None:
    flush = {
        name: samples.make("train", 2, 9, state).flush.sum() for state, name in enumerate(EMOTIONS)
    }
    assert flush["angry"] > flush["happy"] > flush["surprise"] > 0 > flush["disgust"]
    assert flush["fear"] < flush["disgust"]
    assert not samples.make("train", 2, 9, NO_EMOTION).flush.any()


def test_a_stock_gives_a_step_its_batch_whatever_came_before() -> None:
    head = read_head("open")
    first, second = (Stock(head, 3, fresh=1, kept=4, plain=10) for _ in range(2))
    try:
        for step in range(6):
            batch = first.batch(step, 3, slice(0, 3))
        part = second.batch(5, 3, slice(1, 3))
    finally:
        first.close()
        second.close()
    np.testing.assert_array_equal(batch.maps[1:], part.maps)
    np.testing.assert_array_equal(batch.heights[1:], part.heights)
    np.testing.assert_array_equal(batch.states[1:], part.states)
