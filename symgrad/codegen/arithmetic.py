"""Prints sums and products of terms."""

from collections.abc import Sequence
from dataclasses import replace

from sympy import Expr, Integer, Number, Rational

from symgrad.codegen.blocks import block_text
from symgrad.codegen.contraction import contract
from symgrad.codegen.integers import product_value
from symgrad.codegen.operands import Operands
from symgrad.codegen.values import ADD, ATOM, MATMUL, MUL, POWER, UNARY, Value, broadcast, number_text
from symgrad.graph.build import add
from symgrad.graph.nodes import Add, Contract, Letter, Node

# A sum or product of more operands is written in several lines: Python cannot parse thousands in one expression.
MAX_OPERANDS = 50

# Twice the largest exponent up to which a power is written as products, whose rounding errors add up.
MOST_HALVES = 16


class Arithmetic(Operands):
    """Prints sums and products."""

    def _sum(self, node: Add) -> Value:
        if not node.terms:
            return Value("0", ATOM, (), "python")
        negated = add([(-coefficient, use) for coefficient, use in node.terms])
        known = self._values.get(negated.node)
        if known is not None and known.text.isidentifier() and len(node.terms) > 1:  # y - t is there: t - y is -(y - t)
            return Value(f"-{known.text}", UNARY, tuple(negated.letters[k] for k in known.letters), known.kind)
        if node in self._grids:
            return block_text(self._grids[node], lambda use: self._real(self._use(use)), self.dtype)
        letters = self._layout(node)
        kinds = {self._values[use.node].kind for _, use in node.terms}
        whole = kinds <= {"integer", "python"} and all(c.is_Integer for c, _ in node.terms)
        counting = [c for c, use in node.terms if self._values[use.node].kind == "boolean"]
        # one condition beside real numbers counts as 0 or 1 by itself; two would be joined by `or`
        mixed = (
            len(counting) == 1 and "real" in kinds and (counting[0] == 1 or any(c.is_positive for c, _ in node.terms))
        )
        mixed = mixed and abs(counting[0]) == 1
        # a number and a condition alone would be an integer, too, and an integer array makes float32 wider
        last = mixed and "python" in kinds
        order = sorted(
            node.terms,
            key=lambda term: (last and self._values[term[1].node].kind == "boolean", bool(term[0].is_negative)),
        )
        parts = []
        for coefficient, use in order:
            plain = self._use(use)
            value = broadcast(plain if whole or (mixed and plain.kind == "boolean") else self._real(plain), letters)
            value, flipped = _without_sign(value)
            negative = bool(coefficient.is_negative) != flipped
            size = abs(coefficient)
            if value.text == "1" and value.kind == "python":
                text = number_text(size)
            else:
                lone = len(node.terms) == 1 and negative
                text = (
                    value.at(UNARY if lone else MATMUL)
                    if size == 1
                    else f"{number_text(size)} * {_after_number(value)}"
                )
            parts.append(("-" if negative else "+", text))
        kind = "python" if kinds <= {"python"} else "integer" if whole else "real"
        sign, text = parts[0]
        text = f"-{text}" if sign == "-" else text
        for n, (sign, part) in enumerate(parts[1:], start=1):
            if n % MAX_OPERANDS == 0:
                text = self._assign(self.fresh("sum_1"), Value(text, ADD, letters, kind)).text  # type: ignore[arg-type]
            text += f" {sign} {part}"
        level = ADD if len(parts) > 1 else ATOM if text.isdigit() else MUL if " * " in text else UNARY
        return Value(text, level, letters, kind)  # type: ignore[arg-type]

    def _product(self, node: Contract) -> Value:
        if node in self._whole and not node.bound:
            return product_value(node, self._use, self._layout(node))
        mixed = any(self._values[use.node].kind == "real" for use, _ in node.factors)
        above: list[Value] = []
        below: list[Value] = []
        out = self._layout(node)
        for use, exponent in node.factors:
            value = self._use(use)
            if value.kind != "boolean" or node.bound or not mixed:  # a condition times a number is a number
                value = self._real(value)
            if node.bound and exponent == 2:
                above.extend((value, value))
            elif exponent.is_negative and not any(letter >= node.rank for letter in value.letters):
                below.append(self._power(value, -exponent))
            else:
                above.append(self._power(value, exponent))
        sizes = self._sizes(node)
        negative = False
        if node.bound:  # the sign of a sum rather than of an operand, which is larger
            above, flips = map(list, zip(*map(_without_sign, above), strict=True))
            negative = sum(flips) % 2 == 1
        if not above:
            top = Value("1", ATOM, (), "python")
        elif any(letter >= node.rank for value in above for letter in value.letters):
            top = contract(
                above,
                out if not below else tuple(x for x in out if any(x in v.letters for v in above)),
                sizes,
                self._estimate,
                self.dtype,
                node in self._rows,
            )
        else:
            top = self._times(above, tuple(x for x in out if any(x in v.letters for v in above)))
        if below:
            letters = tuple(x for x in out if any(x in v.letters for v in (top, *below)))
            bottom = self._times(below, tuple(x for x in letters if any(x in v.letters for v in below)))
            first = broadcast(top, letters)
            above_text = first.text if first.level in (MUL, MATMUL) else first.at(UNARY)
            text = f"{above_text} / {broadcast(bottom, letters).at(UNARY)}"
            kind = "python" if top.kind == bottom.kind == "python" else "real"
            top = Value(text, MUL, letters, kind)  # type: ignore[arg-type]
        return Value(f"-{top.at(UNARY)}", UNARY, top.letters, top.kind) if negative else top

    def _sizes(self, node: Node) -> dict[Letter, Expr]:
        return {
            letter: length for use in node.uses() for letter, length in zip(use.letters, use.node.shape, strict=True)
        }

    def _times(self, values: Sequence[Value], letters: Sequence[Letter]) -> Value:
        if len(values) == 1:
            return values[0]
        # scalars first: fewer passes over the arrays; conditions last: a number times a condition alone is an integer
        ordered = sorted(values, key=lambda value: (value.kind == "boolean", len(value.letters)))
        texts: list[str] = []
        kind = "python" if all(v.kind == "python" for v in values) else "real"
        for n, value in enumerate(ordered):
            if len(texts) == MAX_OPERANDS:
                product = Value(" * ".join(texts), MUL, tuple(letters), kind)  # type: ignore[arg-type]
                texts = [self._assign(self.fresh("prod_1"), product).text]
            part = broadcast(value, letters)
            texts.append(part.text if part.level == MATMUL and n == 0 else part.at(UNARY))
        return Value(" * ".join(texts), MUL, tuple(letters), kind)  # type: ignore[arg-type]

    def _power(self, value: Value, exponent: Number) -> Value:
        if exponent == 1:
            return value
        if exponent.is_negative:
            inner = self._power(value, -exponent)
            return Value(f"1 / {inner.at(UNARY)}", MUL, inner.letters, inner.kind)
        if exponent == Rational(1, 2) and value.kind != "python":
            return Value(f"np.sqrt({value.text})", ATOM, value.letters)
        if value.letters and value.kind == "real" and 2 < 2 * exponent <= MOST_HALVES and (2 * exponent).is_Integer:
            return self._by_products(value, exponent)
        return Value(f"{value.at(ATOM)} ** {number_text(exponent)}", POWER, value.letters, value.kind)

    def _by_products(self, value: Value, exponent: Number) -> Value:
        """A power as squares, products and at most one root: on one core up to 300 times as fast as `z ** 3`."""
        if exponent == 2:
            return Value(f"{value.at(ATOM)} ** 2", POWER, value.letters)
        if not value.text.isidentifier():
            value = self._assign(self.fresh("base_1"), value)
        whole, half = int(exponent), exponent - int(exponent)
        factors = [f"np.sqrt({value.text})"] if half else []
        factors += [value.text] if whole % 2 else []
        if whole > 1:
            square = self._power(value, Integer(whole // 2))
            factors = [f"{square.at(ATOM)} ** 2", *reversed(factors)]
        if len(factors) == 1:
            return Value(factors[0], POWER, value.letters)
        return Value(" * ".join(factors), MUL, value.letters)


def _without_sign(value: Value) -> tuple[Value, bool]:
    """The value without a minus sign in front, and whether there was one."""
    if value.level != UNARY or value.kind != "real" or not value.text.startswith("-"):
        return value, False
    text = value.text[1:]
    return replace(value, text=text, level=ATOM if text.isidentifier() else POWER), True


def _after_number(value: Value) -> str:
    """The text of a factor after `number *`; a product without `@` needs no parentheses."""
    return value.text if value.level == MUL and "@" not in value.text and "/" not in value.text else value.at(UNARY)
