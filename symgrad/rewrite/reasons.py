"""Why each rewrite is made, by the names that a derivation has for them."""

from symgrad.rewrite.facts import expand_names
from symgrad.rewrite.pipeline import RECORDS
from symgrad.rewrite.record import Reason
from symgrad.rewrite.rules import RULES

REASONS: dict[str, Reason] = {made.name: made.reason for made in [*RECORDS, expand_names]} | {
    rule.name: Reason(f"{rule.pattern} = {rule.replacement}".replace("**", "^"), rule.reason, rule.source)
    for rule in RULES
}
