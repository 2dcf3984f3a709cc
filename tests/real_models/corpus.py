"""All models of the corpus, from the files of their fields."""

from tests.real_models import (
    bayes,
    choices,
    distributions,
    dynamics,
    finance,
    layers,
    learning,
    limits,
    missing,
    physics,
    ranking,
    regression,
    sequences,
    series,
    spatial,
    structures,
    survival,
    vision,
)
from tests.real_models.record import RealModel

CORPUS: tuple[RealModel, ...] = (
    *bayes.MODELS,
    *regression.MODELS,
    *choices.MODELS,
    *distributions.MODELS,
    *survival.MODELS,
    *spatial.MODELS,
    *structures.MODELS,
    *sequences.MODELS,
    *series.MODELS,
    *physics.MODELS,
    *dynamics.MODELS,
    *vision.MODELS,
    *learning.MODELS,
    *layers.MODELS,
    *limits.MODELS,
    *missing.MODELS,
    *ranking.MODELS,
    *finance.MODELS,
)

DEFAULT = ("eight schools", "item response", "forbidden transitions", "Morse bonds")
"""Those that every run of the tests compares; the others have a command of their own, `run.py`."""
