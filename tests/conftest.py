"""What all tests share: hypothesis without deadlines, since the first run of a strategy compiles a model; and that what
functions do is checked after every pass over their statements (`symgrad/statements/spec.py`)."""

import os

from hypothesis import settings

os.environ["SYMGRAD_VALIDATE"] = "1"

settings.register_profile("symgrad", deadline=None, derandomize=True)
settings.load_profile("symgrad")
