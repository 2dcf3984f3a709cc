"""Every generated function as one kind of record: value, gradient, second derivatives, and what the check asks for.

Files: which functions are asked for (`request`), a function (`function`); value and gradient (`first_order`), Hessians,
products with them and Jacobians (`second_order`, with named quantities, `quantities`, whose terms are in `derivatives`,
their blocks as arrays in `structure`, sparse matrices of them in `sparse`, their docstrings in `documentation`), what
the check asks for (`probes`), what functions require of their arguments (`requirements`); each array of a result as all
stages of the compiler have it (`stages`).

A Hessian is forward mode over the simplified gradient, a Jacobian forward or reverse mode over a definition. The seed
is a product of Kronecker deltas, δ[i, i′] δ[j, j′], and either mode keeps all that it makes as sums of products with
the deltas in front: they are eliminated where they meet a sum, and what is left of them *is* the structure.
`calculus.structure` groups the terms by their deltas; each group's cofactor is simplified by itself, is what
`hessian_compact` returns, and is added to a view of the dense array's diagonal. Where it cancels with what is there
already, as p·δ with −p pᵀ, the sum of both is put there instead (`structure.joined`).

Jacobians and Hessians as sparse matrices are one thing, `function.Sparse`: where entries stand, and their values. Its
rows and columns are the entries of several arrays, one behind the other. `sparse.sparse_jacobian` makes it of any names
of `where` by any parameters, `sparse.sparse_hessian` of the loss by all parameters: that of a Lagrangian is the Hessian
of the program whose loss it is, with multipliers as data. `calculus.entries` finds the entries: deltas whose axis is
subscripted by data, and sums into positions that rows and columns share, are lists of entries with a formula for their
place along each axis; lists of the same places are added as terms. A function of its own gives the `Pattern` of data
and sizes, which finds the places that lists have in common; `second_order.ready` makes it of every sparse result.

The tangent of a recurrence is a recurrence whose states have the axes of the seed after their own. A Hessian-vector
product seeds with a direction instead, and names the tangent of every name, so that its code grows like that of the
gradient.

Whatever is generated is a `Function` (`outputs/function.py`): arguments, documentation, and its results as a tree of
named terms, with deltas in front where there is structure. All functions go through the same phases of
`schedule/pipeline.py`, and are printed by the same code; value and gradient are scheduled together, so that they agree
to the last digit, every other function by itself.
"""
