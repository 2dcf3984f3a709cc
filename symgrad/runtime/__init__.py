"""What generated modules are made of beside their formulas: functions that travel into them by their source.

These are ordinary files, typed and tested as such. A module holds the functions that it needs, with what those need, in
the order of use (`symgrad.targets.numpy.runtime`); what they say of the model (its arguments, their shapes) the module
declares itself, and `declared` has it for an example.

Files: checks of arguments, packing, blocks of rows and threads, chunks and batches of rows, windows and scatters,
special functions, recurrences that are linear (`recurrences`) or of logarithms of sums (`log_sums`), solutions of
equations, workspaces.
"""
