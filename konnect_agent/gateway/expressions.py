"""Parser of Kong's expressions language (fact sheet 7.7; grammar documented by atc-router's source).

    expression = term { ("&&" | "||") term }        `||` binds tighter than `&&`
    term       = predicate | ["!"] "(" expression ")"
    predicate  = field operator literal             field may stand in lower(...) and any(...)

After parsing, every predicate is checked against the field's type, as the gateway does when a route is
saved. Strings are "escaped" or r#"raw"#; integers decimal, 0x hex or 0 octal; CIDR host bits must be zero.
"""

import ipaddress
import re

from konnect_agent.gateway.predicates import And, Constant, Node, Not, Or, Predicate
from konnect_agent.gateway.regexes import Regex

_SPACE = re.compile(r"[ \t\r\n]*")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")
_OPERATOR = re.compile(r"==|!=|~|\^=|=\^|>=|>|<=|<|in|not[ \t\r\n]*in|contains")
_STRING = re.compile(r'"((?:[^"\\]|\\["\\nrt])*)"')
_RAW = re.compile(r'r#"(.*?)"#', re.DOTALL)
_V4 = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
_V6 = r"(?::|[0-9a-fA-F]{1,4}):(?:[0-9a-fA-F]{1,4}|:)*"
_NETWORK = re.compile(rf"{_V4}/[0-9]{{1,2}}|{_V6}/[0-9]{{1,3}}")
_ADDRESS = re.compile(rf"{_V4}|{_V6}")
_INTEGER = re.compile(r"-?(?:0x[0-9a-fA-F]+|0[0-7]+|[0-9]+)")
_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
_PORT_ALIAS = re.compile(r"net\.port(\s*[=><!])")
_MAX_DEPTH = 200

_STRINGS = {"net.protocol", "tls.sni"}
_INTEGERS = {"net.src.port", "net.dst.port"}
_ADDRESSES = {"net.src.ip", "net.dst.ip"}
_HTTP_STRINGS = {"http.method", "http.host", "http.path"}
_HTTP_FAMILIES = {"http.path.segments", "http.headers", "http.queries"}


class ExpressionError(ValueError):
    """The gateway would refuse this expression. `position` counts characters from the start."""

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(f"{reason} (at character {position})")
        self.position = position


def parse_expression(text: str, *, stream: bool = False, aliases: bool = True) -> Node:
    """The condition `text` stands for; ExpressionError says where it went wrong.

    `stream` chooses the fields of connections instead of those of HTTP; `aliases` accepts the deprecated
    `net.port`. A regex re2 cannot take is no error here: the node then evaluates to None.
    """
    parser = _Parser(_PORT_ALIAS.sub(r"net.dst.port\1", text) if aliases else text, stream=stream)
    return parser.parse()


class _Parser:
    def __init__(self, text: str, *, stream: bool) -> None:
        self._text, self._at, self._stream, self._depth = text, 0, stream, 0

    def parse(self) -> Node:
        node = self._conjunction()
        self._space()
        if self._at < len(self._text):
            raise self._error("expected && or || or the end")
        return node

    def _conjunction(self) -> Node:
        nodes = [self._disjunction()]
        while self._accept("&&"):
            nodes.append(self._disjunction())
        return nodes[0] if len(nodes) == 1 else And(tuple(nodes))

    def _disjunction(self) -> Node:
        nodes = [self._term()]
        while self._accept("||"):
            nodes.append(self._term())
        return nodes[0] if len(nodes) == 1 else Or(tuple(nodes))

    def _term(self) -> Node:
        negated = self._accept("!")
        if not self._accept("("):
            if negated:
                raise self._error("`!` stands before parentheses only")
            return self._predicate()
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._error("nested too deeply")
        inner = self._conjunction()
        self._expect(")")
        self._depth -= 1
        return Not(inner) if negated else inner

    def _predicate(self) -> Predicate:
        start = self._at
        field, functions = self._field()
        operator = "".join(self._match(_OPERATOR, "an operator").split())
        operator = "not in" if operator == "notin" else operator
        self._space()
        constant = self._literal()
        if operator == "~":
            if not isinstance(constant, str):
                raise self._error("~ needs a string")
            constant = Regex(constant)
        predicate = Predicate(field, operator, constant, "lower" in functions, "any" in functions)
        problem = _type_problem(predicate, stream=self._stream)
        if problem:
            raise ExpressionError(problem, start)
        return predicate

    def _field(self) -> tuple[str, set[str]]:
        name = self._match(_FIELD, "a field")
        functions: set[str] = set()
        opened = 0
        while self._accept("("):
            if name not in ("lower", "any"):
                raise self._error(f"unknown function {name}")
            functions.add(name)
            opened += 1
            name = self._match(_FIELD, "a field")
        for _ in range(opened):
            self._expect(")")
        return name, functions

    def _literal(self) -> Constant:
        text, at = self._text, self._at
        if string := _STRING.match(text, at):
            self._at = string.end()
            return re.sub(r"\\(.)", lambda escape: _ESCAPES[escape[1]], string[1], flags=re.DOTALL)
        if raw := _RAW.match(text, at):
            self._at = raw.end()
            return raw[1]
        for pattern, read in (
            (_NETWORK, ipaddress.ip_network),
            (_ADDRESS, ipaddress.ip_address),
            (_INTEGER, _integer),
        ):
            found = pattern.match(text, at)
            if found:
                try:
                    value = read(found[0])
                except ValueError as reason:
                    raise self._error(str(reason)) from None
                self._at = found.end()
                return value
        raise self._error("expected a string, an address, a range or an integer")

    def _match(self, pattern: re.Pattern[str], expected: str) -> str:
        self._space()
        found = pattern.match(self._text, self._at)
        if found is None:
            raise self._error(f"expected {expected}")
        self._at = found.end()
        return found[0]

    def _accept(self, token: str) -> bool:
        self._space()
        if not self._text.startswith(token, self._at):
            return False
        self._at += len(token)
        return True

    def _expect(self, token: str) -> None:
        if not self._accept(token):
            raise self._error(f"expected {token}")

    def _space(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _error(self, reason: str) -> ExpressionError:
        return ExpressionError(reason, self._at)


def _integer(text: str) -> int:
    digits = text.lstrip("-")
    base = 16 if digits.startswith("0x") else 8 if len(digits) > 1 and digits.startswith("0") else 10
    if base == 8 and digits.strip("01234567"):
        base = 10  # `09` has no octal digit behind its zero and reads as decimal
    value = int(digits, base)
    if value >= 1 << 63:
        raise ValueError("the integer does not fit 64 bits")
    return -value if text.startswith("-") else value


def _field_type(field: str, *, stream: bool) -> type | None:
    if field in _STRINGS:
        return str
    if field in _INTEGERS:
        return int
    if field in _ADDRESSES:
        return ipaddress.IPv4Address
    if stream:
        return None
    if field == "http.path.segments.len":
        return int
    family = field.rpartition(".")[0]
    return str if field in _HTTP_STRINGS or family in _HTTP_FAMILIES else None


def _type_problem(predicate: Predicate, *, stream: bool) -> str | None:
    kind = _field_type(predicate.field, stream=stream)
    constant, operator = predicate.constant, predicate.operator
    if kind is None:
        return f"there is no field {predicate.field}"
    if predicate.lower and kind is not str:
        return f"lower() needs a string and {predicate.field} is none"
    if operator in ("in", "not in"):
        network = isinstance(constant, ipaddress.IPv4Network | ipaddress.IPv6Network)
        return (
            None if network and kind is ipaddress.IPv4Address else f"{operator} takes an address and a range"
        )
    address = isinstance(constant, ipaddress.IPv4Address | ipaddress.IPv6Address)
    fits = address if kind is ipaddress.IPv4Address else isinstance(constant, kind)
    if isinstance(constant, Regex):
        fits = kind is str
    if not fits:
        return f"{predicate.field} cannot be compared with that kind of value"
    if operator in ("^=", "=^", "contains") and kind is not str:
        return f"{operator} takes strings"
    if operator in (">", ">=", "<", "<=") and kind is not int:
        return f"{operator} takes integers"
    return None
