"""The tensor graph: nodes, the constructors that normalise them, and a reference evaluation.

Files: what all kinds share (`node`), a file for every kind or a few that belong together, with all that is said of it
(`kinds/`), all classes from one door (`nodes`), all constructors from another (`build`); canonical numbering of letters
(`letters`), passes that ask the kinds: what is known of entries (`facts`), the sign that an array takes when its axes
change places (`symmetry`), passes over the graph (`transform`); the linear maps that derivatives are made of
(`linear_maps`); even and odd functions (`parity`), deltas and groups of factors (`factors`), formulas of scalars as
terms (`scalar`), subscripts (`affine`), masks (`masks`) that compare indices (`comparisons`), infinities that they make
(`infinities`), grids of blocks (`blocks`), arithmetic of sizes (`dimensions`), the numbers of terms
(`evaluation`, `limited_evaluation`).

A kind states what it knows, or that it knows nothing; what a kind does not state is an error that names the kind and
the pass. Files of `kinds/` import one another in this order: leaves, sums, functions, products, and the rest.

A node is an array with positional axes. A `Use` is a node with one index letter per axis; inside a node letters 0 …
rank-1 are its own axes and the rest are bound. The constructors of `graph/build.py` accept *open terms*, uses with
letters of any name, and return the one node of that structure (hash-consing), with letters numbered independently of
their names: `X[i,j]*W[j,k]` and `X*W` are one node. An open term that lacks a letter is constant along it, so
broadcasting needs no node, and its adjoint (a sum) is done in one place, `calculus.linear_maps.project`. Letters mean
something in one use only: `transform.substitute` takes pairs of terms in the same letters, not nodes and terms.

A name from `where` is a node of its own, `Named`, and opaque to flattening: names survive into formulas and code. Rules
look through it when they recognise a function, so `log(y)` with `y = sigmoid(z)` becomes one stable function of `z`.
The adjoint of `y` itself is then derived with `y` cut out of the graph as a variable *before* anything is recognised
(`compiler.adjoint`), so it is always the derivative by that quantity in the model as written.

What facts say of a matrix (`Q.symmetric(S)`) is part of its `Input` node. The constructors know which nodes are
symmetric in their last two axes and use one spelling for a matrix and its transpose, so that Xᵀ S X and (Xᵀ S X)⁻¹
merge with their transposes everywhere. What they know is a sign, 1 or −1, for an order of axes (`graph/symmetry.py`):
x[i] − x[j] has −1, a cosine or an even power of it 1, a branch of a condition that of its operand. A Kronecker product
is an outer product with axes merged in pairs; the rewrites carry merges outwards, where a sum over a merged axis takes
them apart again.

The backward pass names the adjoint of each block as soon as it is known (`d_z` in code, ∂C/∂z in formulas), simplified
on the spot: formulas and compile time grow with the number of blocks, not with their nesting.

A name that equations define is a `Solution` (`kinds/solutions.py`). Inside, the name is a placeholder (`Unknown`), so
that the left sides F, and their Jacobian J, which `calculus/implicit.py` adds, are ordinary terms; what differs from
one step of Newton's method to the next is a function inside of the code (`lowering/solutions.py`). The local derivative
is −J⁻¹, with the solution in place of the placeholder: reverse mode goes on from there into F, forward mode comes from
there, and second derivatives follow.

A group of equations that refer to one another's earlier entries becomes one `Scan` (`kinds/scans.py`). Inside, an
earlier entry is a placeholder with one entry a step (`Previous`), or is taken from one with a whole array a step
(`Past`: all that is known by then), so that the right side of an equation is an ordinary term over all steps, and
constructors, rules, derivatives and printers apply to it as they are. From outside, a state is the `Trajectory` of the
scan, always under its name.

* *Derivative*: reverse mode runs over one step with a placeholder λ for the adjoint of what the step sets. What arrives
  at the placeholders is the backward recurrence, another `Scan`, which adds up; what arrives elsewhere is an ordinary
  term over all steps, in which placeholders are replaced by parts of the finished arrays (`images`).
* *Code*: what depends on no placeholder is computed before the loop for all steps at once; the rest is rebuilt without
  the time axis (`lowering/slices.py`) and computed inside the loop (`lowering/recurrences.py`). What a step computes
  and others need, too, is kept in an array (`schedule/steps.py`), found by its image, so that nothing is computed
  twice. Matrices are laid out for the loop before it (`targets/numpy/stacks.py`), and arrays that it fills take the
  place of those that it reads for the last time (`statements/reuse.py`, `statements/steps.py`): new memory costs more
  than arithmetic.
"""
