"""The schedule: what is computed as one array, in what order, and how contractions are paired.

Files: the order of all phases, the same for every generated function (`pipeline`): sums that another index ends as
cumulative sums (`cumulative`), sums over labels as values added at them and looked up (`labels`), values for
the same positions added up before (`added`), differences from
means by a softmax as one function (`centred`), of a softmax from targets (`balanced`), logarithms of 0 and products
with them (`zero_probabilities`; beside
weights of 0, `weighted_logarithms`, quotients by the arguments of two taken apart, `partial_fractions`), softmax,
logsumexp, sigmoid and softplus to the steps they share (`lower`),
products multiplied out and their common factors kept (`products`), sums that are part of others (`sums`),
what is the same for all entries of a sum taken out of it (`invariant`), one factorisation for log-determinants and
solves (`factorise`),
exponentials shifted by a maximum that cancels (`exponentials`, of the sums that `exponential_sums`
finds, those under conditions of another index in `masked_exponentials`, the products that `exponents` takes apart,
those that become running sums, `running_exponentials`, how often the maximum M divides a term, `degrees`, and what is
shifted by it, `maxima`), what conditions
leave out kept from being computed with (`guards`, by the entries for which a node is needed, `liveness`, also of the
steps of recurrences, `recurrences`, up to the last that counts, `horizons`, those that something which counts descends
from, `reach`, as unions of cases, `regions`, of
conditions, `conditions`, with arguments at which functions are finite, `safe_arguments`, and
where terms are zero or −∞, `vanishing`), conditions on indices as factors (`masks`),
det(M)·M⁻¹ where M may be singular (`adjugate`), row blocks (`rows`; sums of exponentials with the maximum
that they are after, `scaled_totals`), rows that come in chunks (`chunks`, `own_rows`), roots of sums of squares as
norms (`norms`), short axes first (`leading`),
products of an array with itself (`symmetric`), vectors that several products have (`vectors`), what loops keep
(`steps`), expected sizes (`estimate`).
"""
