"""Between the schedule and the text: typed statements over buffers, and the passes that read and rewrite them.

Nothing here knows how a target spells anything. `spec` says what a legal function is.
"""
