"""`table.sort` of Lua 5.1 and LuaJIT, to the letter (documented by source).

It is a quicksort and not stable. In the flavor `traditional` the paths of one route often tie, so where it
leaves equals decides which of them answers. The pivot is the median of the first, the middle and the last
item. On inputs that make it quadratic this one gives up the imitation and sorts stably, in time.
"""

from collections.abc import Callable, Sequence
from functools import cmp_to_key
from typing import TypeVar

Item = TypeVar("Item")

_MOST_PER_ITEM = 200  # comparisons; ordinary inputs need about twenty


def lua_sort(items: Sequence[Item], *, before: Callable[[Item, Item], bool]) -> list[Item]:
    """`items` as `table.sort(items, before)` leaves them."""
    found = list(items)
    pending = [(0, len(found) - 1)]
    left = _MOST_PER_ITEM * len(found)
    while pending:
        low, high = pending.pop()
        if low >= high:
            continue
        left -= high - low
        if left < 0:
            return sorted(items, key=cmp_to_key(lambda a, b: before(b, a) - before(a, b)))
        middle = _partition(found, low, high, before)
        if middle is not None:
            pending += [(low, middle - 1), (middle + 1, high)]
    return found


def _partition(items: list[Item], low: int, high: int, before: Callable[[Item, Item], bool]) -> int | None:
    """Move items before the pivot to its left and others to its right; None if two or three are sorted."""
    if before(items[high], items[low]):
        items[low], items[high] = items[high], items[low]
    if high - low == 1:
        return None
    middle = (low + high) // 2
    if before(items[middle], items[low]):
        items[middle], items[low] = items[low], items[middle]
    elif before(items[high], items[middle]):
        items[middle], items[high] = items[high], items[middle]
    if high - low == 2:
        return None
    pivot = items[middle]
    items[middle], items[high - 1] = items[high - 1], pivot
    left, right = low, high - 1
    while True:
        left += 1
        while before(items[left], pivot):
            left += 1
        right -= 1
        while before(pivot, items[right]):
            right -= 1
        if right < left:
            break
        items[left], items[right] = items[right], items[left]
    items[high - 1], items[left] = items[left], items[high - 1]
    return left
