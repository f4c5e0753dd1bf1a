from __future__ import annotations

import numpy as np
import pytest

from hanzaki.matching.choice import Fusion
from hanzaki.matching.starting import starting_fusion

CARD = {"weight": 0.5, "offset": -1.0, "slope": 2.0, "bends": [0.0, 0.0], "individuals": 40}


def test_it_knows_every_kind_and_what_it_was_fitted_on():
    fusion = starting_fusion()
    assert set(fusion.evidence) == {"embedding", "keypoints"}
    assert fusion.fitted_on["sets"]["nyala"]["individuals"] > 50
    likely, unlikely = (
        fusion.posterior({"keypoints": np.array([4.0, 0.0, 0.0])}),
        fusion.posterior({"keypoints": np.array([0.5, 0.0, 0.0])}),
    )
    assert likely.known[0] > 0.5 > unlikely.known[0]
    assert unlikely.answer == -1


def test_a_card_stands_above_its_kind():
    fusion = starting_fusion({"river": CARD, "hides": None})
    scores = np.array([0.0, 1.0])
    np.testing.assert_allclose(fusion.ratios({"river": scores})["river"], 0.5 * (-1 + 2 * scores))
    kinds = {"hides": "embedding"}
    usual = starting_fusion().ratios({"embedding": scores})["embedding"]
    np.testing.assert_array_equal(fusion.ratios({"hides": scores}, kinds)["hides"], usual)


@pytest.mark.parametrize(
    "card", [{"offset": 0}, CARD | {"slope": -1}, CARD | {"weight": "much"}, CARD | {"weight": -1}]
)
def test_a_card_that_cannot_be_read_is_named(card):
    with pytest.raises(ValueError, match="card of river"):
        starting_fusion({"river": card})


def test_nobody_changes_what_others_begin_with():
    starting_fusion({"river": CARD})
    assert "river" not in starting_fusion().evidence
    assert Fusion.from_json(starting_fusion().as_json()) == starting_fusion()
