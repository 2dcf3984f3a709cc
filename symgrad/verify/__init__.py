"""Verification: numerical gradients, the inputs to take them at, verdicts, and the report.

Files: the walk over draws (`check`) and what is looked at at each of them, one list of probes (`probes`, of a `point`,
each of them `guarded`): the functions of a module as they are called (`calls`), the ways to call them (`ways`), also
with what conditions leave out (`left_out`), their agreement (`agreement`), their numerical derivatives (`differences`
along `directions`, `complex_step`, `derivatives`), value and named quantities as the model states them (`stated`, of a
`loss`), all of them as their `formulas` have them; an empty axis, zeros and numbers of
other sizes (`edges`), kinks (`kink_points`), branches that no draw took (`branches`); what is checked (`subject`) at
which inputs (`draw`, `draws`, `sizes`, `sampling`, `constraints`, `inequalities`, `entries`), parts of a user's large
arrays (`real_data`), an independent evaluation of the SymPy loss (`symgrad.reference`), which is compared with the
graph's (`graph.evaluation`), by the same functions of numbers (`functions.values`, `arrays`), stage by stage, phase by
phase and rewrite by rewrite (`chain` over `outputs.stages` of a `compiled` model, `numbers`), the digits over a
logarithmic grid (`accuracy`) and which operation loses them (`blame`), the report
(`report`), also as a `table`, the pytest `plugin`.
"""
