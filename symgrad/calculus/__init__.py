"""The calculus: local derivatives, and reverse and forward mode differentiation of the tensor graph.

Files: what both modes do with the local derivatives that kinds of nodes state (`linear_maps`), reverse mode (`reverse`,
`recurrence`), large products in parts (`parts`), forward mode (`forward`, `tangent`, with `deltas`), the deltas and
smaller arrays that a derivative comes apart into (`structure`), the places of its entries (`entries`, of sums that are
`opened`, with `places`, the `bands` that conditions leave and the `equations` that they hold), equations that define
arrays (`implicit`), derivatives of scalar functions (`local`), the gradient in a space of matrices (`projection`),
distance from kinks (`kinks`) and from singular matrices (`conditioning`).
"""
