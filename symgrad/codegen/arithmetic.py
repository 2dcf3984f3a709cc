"""Prints sums and products of terms."""

from collections.abc import Sequence
from dataclasses import replace

from sympy import Number, Rational

from symgrad.codegen.contraction import contraction
from symgrad.codegen.operands import Operands, negative
from symgrad.codegen.values import ADD, ATOM, MATMUL, MUL, POWER, UNARY, Value, broadcast, number_text
from symgrad.graph.nodes import Add, Contract

MAX_OPERANDS = 50  # of a sum or product in one expression: Python cannot parse thousands


class Arithmetic(Operands):
    """Prints sums and products."""

    def _sum(self, node: Add) -> Value:
        if not node.terms:
            return Value("0", ATOM, (), "python")
        letters = self._layout(node)
        parts = [
            (c, self.aligned(use, letters)) for c, use in sorted(node.terms, key=lambda term: bool(term[0].is_negative))
        ]
        kind = "python" if all(value.kind == "python" for _, value in parts) else "real"
        about = next((value.about for _, value in parts if value.about), "")
        whole = kind == "python" and any(value.whole for _, value in parts)
        total = Value("", ADD, letters, kind, about, whole=whole)  # type: ignore[arg-type]
        for n, (coefficient, value) in enumerate(parts):
            term, size = value, abs(coefficient)
            if value.text == "1":
                term = replace(value, text=number_text(size), level=ATOM)
            elif size != 1:
                term = replace(value, text=f"{number_text(size)} * {value.at(MUL)}", level=MUL)
            if n == 0:
                first = negative(term) if coefficient.is_negative else term
                total = replace(first, letters=letters, kind=total.kind, whole=total.whole)
                continue
            if n % MAX_OPERANDS == 0:
                total = self.assign(self.fresh("sum_1"), total)
            sign = "-" if coefficient.is_negative else "+"
            text = f"{total.text} {sign} {term.at(MATMUL)}"
            total = replace(total, text=text, level=ADD, inverse_of=None)
        return replace(total, about=about)

    def _product(self, node: Contract) -> Value:
        letters = range(node.rank + len(node.bound))
        above: list[Value] = []
        below: list[Value] = []
        inside: list[Value] = []
        for use, exponent in node.factors:
            value = self._use(use)
            lone = len(node.factors) == 1 and exponent == 1  # conditions that are counted
            value = value if lone else self._real(value)
            if any(letter >= node.rank for letter in value.letters):
                inside.append(self._power(value, exponent))
            elif exponent.is_negative:
                below.append(self._power(value, -exponent))
            else:
                above.append(self._power(value, exponent))
        assert set(range(node.rank, letters.stop)) <= {x for value in inside for x in value.letters}
        wanted = self._wanted.get(node, tuple(range(node.rank)))
        above += [contraction(inside, wanted, self.dtype, self.library)] if inside else []
        order = wanted if inside else self._layout(node)
        top = self._times(above, order)
        return self._quotient(top, self._times(below, order), order) if below else top

    def _quotient(self, above: Value, below: Value, order: Sequence[int]) -> Value:
        letters = tuple(x for x in order if x in above.letters or x in below.letters)
        top, bottom = broadcast(above, letters), broadcast(below, letters)
        kind = "python" if above.kind == below.kind == "python" else "real"
        text = f"{top.at(MUL)} / {bottom.at(UNARY)}"
        return Value(text, MUL, letters, kind, above.about or below.about)  # type: ignore[arg-type]

    def _times(self, values: Sequence[Value], order: Sequence[int]) -> Value:
        if len(values) < 2:
            return values[0] if values else Value("1", ATOM, (), "python")
        letters = tuple(x for x in order if any(x in value.letters for value in values))
        kind = "python" if all(value.kind == "python" for value in values) else "real"
        about = next((value.about for value in values if value.about), "")
        ordered = sorted(
            values, key=lambda value: (not value.whole, len(value.letters))
        )  # scalars first: fewer passes over the arrays
        texts = [broadcast(value, letters).at(UNARY) for value in ordered]
        if sum(value.whole for value in values) > 1:  # a product of sizes may be larger than JAX's integers
            texts[0] = f"float({ordered[0].text})"
        while len(texts) > MAX_OPERANDS:
            part = Value(" * ".join(texts[:MAX_OPERANDS]), MUL, letters)
            texts = [self.assign(self.fresh("prod_1"), part).text, *texts[MAX_OPERANDS:]]
        return Value(" * ".join(texts), MUL, letters, kind, about)  # type: ignore[arg-type]

    def _power(self, value: Value, exponent: Number) -> Value:
        if exponent == 1:
            return value
        if exponent.is_negative:
            return replace(
                value, text=f"1 / {self._power(value, -exponent).at(UNARY)}", level=MUL, inverse_of=None, whole=False
            )
        if exponent == Rational(1, 2) and value.kind != "python":
            return replace(value, text=f"{self.library}.sqrt({value.text})", level=ATOM, inverse_of=None)
        base = f"float({value.text})" if value.whole and exponent > 1 else value.at(ATOM)
        text = f"{base} ** {number_text(exponent)}"
        return replace(value, text=text, level=POWER, inverse_of=None, whole=False)
