"""What all tests share: hypothesis without deadlines, since the first run of a strategy compiles a model."""

from hypothesis import settings

settings.register_profile("symgrad", deadline=None, derandomize=True)
settings.load_profile("symgrad")
