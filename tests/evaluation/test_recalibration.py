"""Whether what was learnt is truer than what it started from, and what is said of it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hanzaki.errors import BadMedium
from hanzaki.evaluation.recalibration import (
    LEAST,
    Answered,
    Calibrated,
    Recalibration,
    recalibrate,
    relearnt,
    still_needed,
)
from hanzaki.evaluation.resampling import Resampling
from hanzaki.matching.choice import NEW, Case, Fusion, Posterior, Weighed
from hanzaki.matching.likelihood import ScoreLikelihood

FEW = Resampling(resamples=50)
BOLD = Fusion({"look": Weighed(3.0, ScoreLikelihood(-1.0, 2.0, (0.0, 0.0)))}, bias=-2.0, fitted_on={"sets": {}})


def planted(count: int, seed: int = 0, shift: float = 2.0, animals: int = 20, new: int = 2) -> list[Case]:
    """Cases whose right individual scores higher than the other nine; each ``new``-th is not of a new animal."""
    rng = np.random.default_rng(seed)
    cases = []
    for number in range(count):
        truth = int(rng.integers(10)) if number % new else NEW
        scores = rng.normal(size=10) + shift * (np.arange(10) == truth)
        cases.append(Case({"look": scores}, truth, f"animal {number % animals}"))
    return cases


def test_a_start_that_is_too_sure_of_itself_is_put_right():
    told: list[tuple[str, int, int]] = []
    found = recalibrate(
        planted(240, animals=21), BOLD, {"decisions": 120}, FEW, progress=lambda *step: told.append(step)
    )
    assert found.learnt
    assert found.gain.low > 0
    assert found.kept is found.after
    before, after = (one.judged.calibration.measures["ece"].value for one in (found.before, found.after))
    assert after < before / 2
    assert found.fusion.evidence["look"].weight < BOLD.evidence["look"].weight
    assert found.fusion.fitted_on == {"decisions": 120}
    assert told == [("learning", part, 5) for part in range(1, 6)]


def test_the_gain_is_that_of_the_log_loss():
    found = recalibrate(planted(120, animals=21), BOLD, resampling=FEW)
    assert found.gain.value == pytest.approx(found.before.losses.mean() - found.after.losses.mean())
    case, posterior = planted(2)[1], BOLD.posterior(planted(2)[1].scores, 0.5)
    alone = Answered.of([posterior], [case], FEW)
    assert alone.losses.tolist() == [pytest.approx(-np.log(posterior.known[case.truth]))]


def test_the_start_stays_where_nothing_truer_is_learnt():
    true = Fusion.fit(planted(6000, seed=1))
    found = [recalibrate(planted(40, seed, animals=11), true, {"decisions": 40}, FEW) for seed in range(6)]
    assert {one.learnt for one in found} == {True, False}  # few cases teach by chance, now this, now that
    for one in found:
        assert one.learnt == (one.gain.value > 0)
        assert (one.fusion is true) == (not one.learnt)
        assert one.kept is (one.after if one.learnt else one.before)
        assert abs(one.gain.value) < 0.15  # and little is lost by it, as what is learnt is held near the start


def test_both_are_told_how_many_are_new():
    found = recalibrate(planted(200, new=5, animals=21), BOLD, resampling=FEW)
    assert found.asked_new == pytest.approx(0.2)
    assert (found.before.judged.known, found.before.judged.new) == (160, 40)


def test_evidence_that_nothing_is_said_about_stays_as_it_was():
    start = Fusion({**BOLD.evidence, "marks": Weighed(0.7, ScoreLikelihood(-1.0, 1.0, (0.0, 0.0)))})
    cases = [
        Case({**case.scores, "marks": np.full(10, np.nan)}, case.truth, case.individual) for case in planted(60)
    ]
    fusion = relearnt(cases, start)
    assert fusion.evidence["marks"] == start.evidence["marks"]
    assert fusion.evidence["look"] != start.evidence["look"]
    assert relearnt([case for case in cases if case.truth != NEW], start) is start
    assert relearnt([case for case in cases if case.truth == NEW], start) is start


def test_cases_of_one_kind_only_cannot_be_judged():
    for some in ([], [case for case in planted(40) if case.truth == NEW]):
        with pytest.raises(ValueError, match="give both"):
            recalibrate(some, BOLD)


def test_answers_are_counted_by_how_sure_they_are():
    posteriors = [
        Posterior(np.array([0.92, 0.05]), 0.03),
        Posterior(np.array([0.94, 0.05]), 0.01),
        Posterior(np.array([0.01, 0.01]), 0.98),
        Posterior(np.array([0.3, 0.3]), 0.4),
        Posterior(np.array([0.0, 1.0]), 0.0),
    ]
    truths = [0, 1, NEW, 0, 1]
    cases = [Case({}, truth, number) for number, truth in enumerate(truths)]
    levels = Answered.of(posteriors, cases, FEW).levels
    assert [(level.least, level.answers, level.right) for level in levels] == [
        (0, 1, 0),
        (0.9, 2, 1),
        (0.95, 2, 2),
    ]
    assert levels[1].said == pytest.approx(0.93)
    assert sum(level.answers for level in levels) == len(cases)


@pytest.mark.parametrize(
    ("animals", "said"), [(0, "here none were"), (1, "here 1 was"), (LEAST - 1, "Name 1 more")]
)
def test_it_says_how_many_animals_are_needed(animals, said):
    cases = [Case({}, truth, number) for number in range(animals) for truth in (0, NEW)]
    assert said in " ".join(still_needed(cases))


def test_enough_is_enough_but_strangers_are_needed_too():
    known = [Case({}, 0, number) for number in range(LEAST)]
    assert "four animals" in still_needed(known)[0]
    assert still_needed([*known, Case({}, NEW, 0)]) == ()


def test_all_of_it_is_json():
    found: Recalibration = recalibrate(planted(80, animals=11), BOLD, resampling=FEW)
    done = Calibrated(("look",), 80, 11, 11, 80, 40, 3, 0.14, False, found, (), (BadMedium("a.jpg", "truncated"),))
    values = json.loads(json.dumps(done.as_json(), allow_nan=False))
    assert values["found"]["after"]["known"] == 40
    assert values["skipped"] == [{"path": "a.jpg", "reason": "truncated"}]
    assert sum(level["answers"] for level in values["found"]["levels"]) == 80
