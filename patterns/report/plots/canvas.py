"""The house style of plots: a white sheet with a header, and text that is drawn as it is written.

A `Figure` of ours belongs to its caller (pyplot never hears of it) and shows itself in a notebook.
Names come from a server: they are cleaned (`cleaning`), mathematics and TeX are off, long ones lose their
middle. Colours stay apart for colour-blind readers (Okabe and Ito's set).
matplotlib is imported when a plot is asked for; it comes with the extra `konnect-agent[notebook]`.
"""

# pyright: reportUnknownMemberType=false
# (matplotlib's own stubs leave the **kwargs of nearly every method untyped)

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

from patterns.report.cleaning import one_line
from patterns.workflow import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, GREY, FAINT, TRACK = "#1f2328", "#5c636a", "#d4d8dc", "#eef0f2"
BLUES = ("#08416b", "#0072b2", "#4f9fd3", "#a3cfec")
ORANGES = ("#7a2e00", "#d55e00", "#ee9a55", "#f8cfa9")
DISTINCT = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
OTHERS, NOBODY = "#7d848b", "#c9cdd1"

_STYLE: dict[Any, Any] = {
    "text.usetex": False, "text.parse_math": False, "font.size": 9.5,
    "figure.facecolor": "white", "axes.facecolor": "white", "axes.edgecolor": FAINT, "axes.axisbelow": True,
    "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False, "grid.color": TRACK,
    "text.color": INK, "axes.labelcolor": GREY, "xtick.color": GREY, "ytick.color": GREY,
    "ytick.labelcolor": INK, "xtick.major.pad": 5,
    "xtick.major.size": 0, "xtick.minor.size": 0, "ytick.major.size": 0,
}  # fmt: skip
_WIDTH, _HEADER, _FOOTER, _MARGIN = 8.6, 0.66, 0.62, 0.12  # inches
_PIXELS_PER_INCH, _DENSITY = 96, 2


@contextmanager
def drawing(title: str, subtitle: str, *, height: float) -> Generator[tuple[Figure, Axes]]:
    """A headed Figure and its Axes, to be drawn on inside the block; `height` of the Axes in inches.

    Raises ImportError without matplotlib.
    """
    with _sheet(title, subtitle, height=height + _FOOTER) as figure:
        yield figure, figure.add_subplot()


def nothing(title: str, subtitle: str, sentence: str) -> Figure:
    """A Figure that says why there is nothing to see. Raises ImportError without matplotlib."""
    with _sheet(title, subtitle, height=0.9) as figure:
        figure.text(0.5, 0.32, sentence, ha="center", va="center", color=GREY)
    return figure


def legend(axes: Axes, *, title: str | None = None, upside_down: bool = False) -> None:
    """What the colours mean, to the right of the Axes; `upside_down` for stacks, which grow upwards."""
    axes.legend(
        title=title, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, alignment="left",
        reverse=upside_down, handlelength=1.0, handleheight=1.0, borderaxespad=0.0,
    )  # fmt: skip


def about(report: Report[Any], *facts: str | None) -> str:
    """A header's second line: the facts there are, and the status of a report that is not complete."""
    state = report.status if report.status != "complete" else None
    return "  ·  ".join(fact for fact in (*facts, state) if fact)


def plain(text: str, limit: int) -> str:
    """`text` on one harmless line of at most `limit` characters, the middle left out if it is longer."""
    line = one_line(text, limit=1000)
    tail = limit // 2
    return line if len(line) <= limit else f"{line[: limit - tail - 1]}…{line[-tail:]}"


@contextmanager
def _sheet(title: str, subtitle: str, *, height: float) -> Generator[Figure]:
    """A Figure with a header of two lines; everything drawn in the block has the house style."""
    new_figure = _figure_class()
    import matplotlib as mpl
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    total = _HEADER + height
    below_header = ConstrainedLayoutEngine(rect=(0, 0, 1, height / total), w_pad=_MARGIN, h_pad=_MARGIN / 2)
    left = _MARGIN / _WIDTH
    with mpl.rc_context(_STYLE):
        figure = new_figure(figsize=(_WIDTH, total), dpi=_PIXELS_PER_INCH, layout=below_header)
        figure.text(left, 1 - _MARGIN / total, title, va="top", fontsize=12.5, fontweight="bold")
        figure.text(left, 1 - 3.2 * _MARGIN / total, plain(subtitle, 120), va="top", color=GREY)
        yield figure


@cache
def _figure_class() -> type[Figure]:
    try:
        from matplotlib.figure import Figure
    except ImportError as missing:
        raise ImportError("Plots need matplotlib: install konnect-agent[notebook].") from missing

    class Plot(Figure):
        """IPython knows how to show a Figure only once pyplot was imported; this one tells it."""

        def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
            """PNG at twice the density of the screen, and the size to show it in."""
            buffer = BytesIO()
            self.savefig(buffer, format="png", dpi=_DENSITY * _PIXELS_PER_INCH)
            width, height = (round(inches * _PIXELS_PER_INCH) for inches in self.get_size_inches())
            return buffer.getvalue(), {"width": width, "height": height}

    return Plot
