"""Every generated function as one kind of record: value, gradient, second derivatives, and what the check asks for.

Files: a function (`function`); value and gradient (`first_order`), Hessians, products with them and Jacobians
(`second_order`, with named quantities, `quantities`, whose terms are in `derivatives`, their blocks as arrays in
`structure`, their docstrings in `documentation`), what the check asks for (`probes`), what functions require of their
arguments (`requirements`); each array of a result as all stages of the compiler have it (`stages`).

A Hessian is forward mode over the simplified gradient, a Jacobian forward mode over a definition. The seed is a product
of Kronecker deltas, δ[i, i′] δ[j, j′], and forward mode keeps every tangent as a sum of products with the deltas in
front: they are eliminated where they meet a sum, and what is left of them *is* the structure. `calculus.structure`
groups the terms by their deltas; each group's cofactor is simplified by itself, is what `hessian_compact` returns, and
is added to a view of the dense array's diagonal. A delta whose axis is subscripted by data stays in front the same way
and makes a Jacobian sparse. The tangent of a recurrence is a recurrence whose states have the axes of the seed after
their own. A Hessian-vector product seeds with a direction instead, and names the tangent of every name, so that its
code grows like that of the gradient.

Whatever is generated is a `Function` (`outputs/function.py`): arguments, documentation, and its results as a tree of
named terms, with deltas in front where there is structure. All functions go through the same phases of
`schedule/pipeline.py`, and are printed by the same code; value and gradient are scheduled together, so that they agree
to the last digit, every other function by itself.
"""
