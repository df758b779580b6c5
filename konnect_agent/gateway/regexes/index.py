"""Which of 10,000 regexes match one text, without asking each of them.

A pattern is filed under the rarest short text it requires, so most are never looked at; patterns under one
text are searched together as an re2 set, in chunks of bounded size. Where re2's answer and the gateway's may
differ (see `regex`), the patterns concerned are asked one by one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from konnect_agent.gateway.paths import decode, encode
from konnect_agent.gateway.regexes.re2_binding import CompiledSet, PatternRefused, compile_set
from konnect_agent.gateway.regexes.regex import Regex

_SET_SIZE = 256
_SET_INSTRUCTIONS = 40_000
_GRAM = 5  # longer texts to file under are hardly rarer and cost a lookup per position


class RequiredTexts:
    """Sets of texts by number, each filed under a short text of its own that is rare among them."""

    __slots__ = ("_buckets", "_lengths")

    def __init__(self, required: Sequence[Sequence[str]]) -> None:
        counts = Counter(gram for texts in required for gram in set(_grams(texts)))
        self._buckets: dict[str, list[int]] = {}
        for number, texts in enumerate(required):
            gram = min(_grams(texts), key=lambda gram: (counts[gram], -len(gram)), default="")
            self._buckets.setdefault(gram, []).append(number)
        self._lengths = sorted({len(gram) for gram in self._buckets})

    def possible(self, text: str) -> Iterator[list[int]]:
        """Groups of the numbers whose texts `text` may contain; the same lists each time."""
        for length in self._lengths:
            grams = {text[at : at + length] for at in range(len(text) - length + 1)}
            for gram in grams & self._buckets.keys():
                yield self._buckets[gram]

    def groups(self) -> Iterable[list[int]]:
        """All groups."""
        return self._buckets.values()


class RegexIndex:
    """Many regexes, which must share a dialect and anchoring; those with a problem are left out."""

    __slots__ = ("_filed", "_sensitive", "_together")

    def __init__(self, regexes: Sequence[Regex]) -> None:
        usable = [number for number, regex in enumerate(regexes) if regex.problem is None]
        self._sensitive = [(n, regexes[n]) for n in usable if regexes[n].syntax.sensitive]
        self._filed = RequiredTexts([regexes[number].syntax.required for number in usable])
        self._together = {
            group[0]: _Together.of(regexes, [usable[place] for place in group])
            for group in self._filed.groups()
        }

    def matching(self, text: str) -> list[int]:
        """Numbers of the regexes that match `text`, or cannot be evaluated on it, in no particular order."""
        data = encode(text)
        hits = [
            number
            for filed in self._filed.possible(text)
            for group in self._together[filed[0]]
            for number in group.matching(data)
        ]
        if self._sensitive and (not text.isascii() or text.endswith("\n")):
            answers = {number: regex.test(text) for number, regex in self._sensitive}
            hits = [number for number in hits if number not in answers]
            hits.extend(number for number, answer in answers.items() if answer is not False)
        return hits


def _grams(texts: Sequence[str]) -> Iterator[str]:
    for run in texts:
        width = min(len(run), _GRAM)
        for at in range(len(run) - width + 1):
            yield run[at : at + width]


class _Together:
    """A few of the regexes searched in one pass; one by one if re2 cannot hold them together."""

    __slots__ = ("_numbers", "_regexes", "_set")

    def __init__(self, regexes: Sequence[Regex], numbers: Sequence[int]) -> None:
        self._numbers, self._regexes = tuple(numbers), regexes
        self._set: CompiledSet | None = None
        if len(numbers) > 1:
            first = regexes[numbers[0]]
            forms = [regexes[number].form for number in numbers]
            try:
                self._set = compile_set(forms, dialect=first.dialect, anchored=first.anchored)
            except PatternRefused:
                self._set = None

    @classmethod
    def of(cls, regexes: Sequence[Regex], numbers: Sequence[int]) -> "list[_Together]":
        groups: list[_Together] = []
        chunk: list[int] = []
        instructions = 0
        for number in numbers:
            if chunk and (len(chunk) >= _SET_SIZE or instructions > _SET_INSTRUCTIONS):
                groups.append(cls(regexes, chunk))
                chunk, instructions = [], 0
            chunk.append(number)
            instructions += regexes[number].size
        if chunk:
            groups.append(cls(regexes, chunk))
        return groups

    def matching(self, data: bytes) -> list[int]:
        if self._set is not None:
            hits = self._set.Match(data) or ()
            if len(self._numbers) in hits:  # the pattern that always matches: re2 did not give up
                return [self._numbers[hit] for hit in hits if hit < len(self._numbers)]
        text = decode(data)
        return [number for number in self._numbers if self._regexes[number].test(text)]
