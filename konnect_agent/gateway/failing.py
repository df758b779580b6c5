"""Which predicates of an expression keep it from holding, in the words of the language (fact sheet 7.7).

Of a conjunction the parts that fail are named, of a disjunction all, of a negation the whole of it.
"""

from konnect_agent.gateway.predicates import And, Node, Not, Or, Predicate, evaluate, predicates
from konnect_agent.gateway.regexes import Regex
from konnect_agent.gateway.request import Facts

_NO_VALUE = "no such value"


def failures_of(node: Node, facts: Facts) -> dict[str, str]:
    """By field, what a condition that does not hold wants of it, and what the request has."""
    wanted: dict[str, list[str]] = {}
    for field, text in _failing(node, facts):
        texts = wanted.setdefault(field, [])
        if text not in texts:
            texts.append(text)
    return {
        field: f"it wants {' and '.join(texts)}, the request has {_given(field, facts)}"
        for field, texts in wanted.items()
    }


def written(node: Node) -> str:
    """A condition as one writes it."""
    if isinstance(node, Predicate):
        return _predicate(node)
    if isinstance(node, Not):
        return f"!({written(node.node)})"
    # `||` binds tighter than `&&`.
    parts = [f"({written(part)})" if isinstance(part, And | Or) else written(part) for part in node.nodes]
    return (" && " if isinstance(node, And) else " || ").join(parts)


def _failing(node: Node, facts: Facts) -> list[tuple[str, str]]:
    """Field and text of what fails; alternatives that fail together are one text for each field of theirs."""
    if isinstance(node, And):
        return [
            found for part in node.nodes if evaluate(part, facts) is False for found in _failing(part, facts)
        ]
    fields = dict.fromkeys(predicate.field for predicate in predicates(node))
    return [(field, written(node)) for field in fields]


def _predicate(predicate: Predicate) -> str:
    field = f"lower({predicate.field})" if predicate.lower else predicate.field
    field = f"any({field})" if predicate.any else field
    constant = predicate.constant.pattern if isinstance(predicate.constant, Regex) else predicate.constant
    if isinstance(constant, str):
        escaped = constant.replace("\\", "\\\\").replace('"', '\\"')
        return f'{field} {predicate.operator} "{escaped}"'
    return f"{field} {predicate.operator} {constant}"


def _given(field: str, facts: Facts) -> str:
    return ", ".join(map(str, facts.get(field))) or _NO_VALUE
