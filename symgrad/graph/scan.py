"""Names."""

from symgrad.graph.kinds.scans import (
    at_steps,
    finished,
    from_outside,
    images,
    past,
    placeholders,
    previous,
    scan,
    step_shape,
    time_of,
    whole,
    with_updates,
    within,
)

__all__ = [
    "at_steps",
    "finished",
    "from_outside",
    "images",
    "past",
    "placeholders",
    "previous",
    "scan",
    "step_shape",
    "time_of",
    "whole",
    "with_updates",
    "within",
]
