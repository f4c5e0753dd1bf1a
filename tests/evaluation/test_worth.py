from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hanzaki.annotations import Annotations
from hanzaki.evaluation.worth import worth_of_embedding
from hanzaki.matching.starting import starting_fusion


def seen(animals: int, meetings: int, noise: float, seed: int = 0) -> tuple[list[np.ndarray], Annotations]:
    """Animals in two species that share their names, each met so often, two photographs a meeting."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(animals, 16))
    vectors, rows = [], []
    for animal in range(animals):
        for meeting in range(meetings):
            for photograph in range(2):
                vector = centres[animal] + noise * rng.normal(size=16)
                vectors.append((vector / np.linalg.norm(vector)).astype(np.float32))
                rows.append(
                    {
                        "path": f"{animal}-{meeting}-{photograph}.jpg",
                        "identity": str(animal // 2),
                        "species": ("Andrias japonicus", "Equus grevyi")[animal % 2],
                        "encounter": f"{animal}-{meeting}",
                    }
                )
    return vectors, Annotations(pd.DataFrame(rows))


def test_a_better_embedding_is_worth_more():
    sharp, dull = (worth_of_embedding(*seen(30, 2, noise)) for noise in (0.3, 1.0))
    scores = np.array([0.0, 3.0])
    assert sharp is not None
    assert dull is not None
    assert sharp["individuals"] == dull["individuals"] == 30
    gains = [
        np.ptp(starting_fusion({"it": worth}).ratios({"it": scores})["it"]) for worth in (sharp, dull)
    ]  # what 3 deviations of the cohort say
    assert gains[0] > 1.5 * gains[1] > 0


@pytest.mark.parametrize(("animals", "meetings"), [(8, 2), (30, 1)])
def test_too_few_animals_met_twice_say_nothing(animals, meetings):
    assert worth_of_embedding(*seen(animals, meetings, 0.3)) is None


def test_photographs_of_nobody_known_do_not_count():
    vectors, table = seen(30, 2, 0.5)
    frame = table.frame.copy()
    extra = frame.iloc[:5].assign(identity=None, path=[f"x{number}.jpg" for number in range(5)])
    more = Annotations(pd.concat([extra, frame], ignore_index=True))
    assert worth_of_embedding([*vectors[:5], *vectors], more) == worth_of_embedding(vectors, table)
