"""Verification: numerical gradients, the inputs to take them at, verdicts, and the report.

Files: the walk over draws (`check`) and what is looked at at each of them, one list of probes (`probes`, of a `point`):
the functions of a module as they are called (`calls`), the ways to call them (`ways`), their numerical derivatives
(`differences`, `complex_step`, `derivatives`), named quantities (`quantities`), what conditions leave out (`left_out`,
`guarded`), two modules as one (`together`); an empty axis and kinks (`edges`, `kink_points`), zeros and numbers of
other sizes (`extremes`), branches that no draw took (`branches`); inputs that satisfy facts (`draw`, `draws`,
`sampling`, `constraints`, `statements`, `inequalities`, `entries`), parts of a user's large arrays (`real_data`), an
independent evaluation of the SymPy loss (`symgrad.reference`), which is compared with the graph's (`graph.evaluation`),
by the same functions of numbers (`functions.values`), stage by stage, phase by phase and rewrite by rewrite (`chain`
over `outputs.stages` of a `compiled` model, `numbers`), the digits over a logarithmic grid (`accuracy`), the report
(`report`), also as a `table`, the pytest plugin.
"""
