"""All models of the corpus, from the files of their fields."""

from tests.real_models import bayes, sequences
from tests.real_models.record import RealModel

CORPUS: tuple[RealModel, ...] = (*bayes.MODELS, *sequences.MODELS)

DEFAULT = ("eight schools", "item response", "forbidden transitions")
"""Those that every run of the tests compares; the others have a command of their own, `run.py`."""
