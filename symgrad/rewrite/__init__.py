"""Rewriting: recognise plain spellings, use facts and names, simplify formulas, make code stable.

Files: rules as data (`rules`), their matching (`match`, `engine`), whole-axis rewrites (`axes`), logarithms of products
(`logarithms`) and of sums of them (`mixtures`), the normal distribution function (`normal`), gamma functions (`gamma`),
absolute values (`signs`), products in products (`association`), binary cross-entropy (`cross_entropy`), powers of zero
(`powers`), roots of sums of squares (`roots`), differences of roots (`conjugates`), sums over the same, summand by
summand (`summands`), one function for several spellings (`spellings`), functions of one argument (`readings`,
`univariate`; over a factor of it, `divided`; among the terms of a longer sum, `parts_of_sums`; over a small parameter,
`small_parameters`), sums of powers over their exponent (`power_means`), powers of probabilities (`probabilities`),
slopes of tanh (`slopes`), what powers leave of 1 (`increments`), differences and divergences of neighbours
(`neighbours`, `divergences`), quotients by sums (`quotients`, `shares`), sums whose leading terms cancel
(`leading_terms`), logarithms of quotients beyond all numbers (`growth`), products with double exponentials (`decay`),
products of hyperbolic functions (`hyperbolic`), inverses and determinants (`linear_algebra`), merged axes
(`merged_axes`), what is moved round an axis (`rotations`), cancellation (`local`), factors of rational functions
(`polynomials`), facts and names (`facts`), diagonals (`diagonals`), what every one of these says of itself (`record`),
the order of phases (`pipeline`).
"""
