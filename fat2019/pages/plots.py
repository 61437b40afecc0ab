"""Figures of many runs, each as a PNG and an SVG file; the same numbers give the same bytes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fat2019.pages.figures import LITERAL, to_png, to_svg
from fat2019.utils.files import write_whole

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def draw_curves(stem: Path, curves: Mapping[str, "pd.DataFrame"], title: str) -> tuple[Path, Path]:
    """LWLRAP against epoch, one colour a model: on training clips solid, on validation clips dashed.

    Args:
        stem: path of the files without their suffix.
        curves: by model, the columns ``epoch``, ``lwlrap`` and ``val_lwlrap`` of a run's history.
        title: what is compared.

    Returns:
        The paths of the PNG and of the SVG file.
    """
    from matplotlib import rc_context

    with rc_context(LITERAL):
        return _save(_curves(curves, title), stem)


def _curves(curves: Mapping[str, "pd.DataFrame"], title: str) -> "Figure":
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    colours = [f"C{index}" for index in range(len(curves))]
    for colour, history in zip(colours, curves.values(), strict=True):
        # A curve of one epoch has no line: the marker shows it.
        axes.plot(history["epoch"], history["lwlrap"], color=colour, linestyle="-", marker=".")
        axes.plot(history["epoch"], history["val_lwlrap"], color=colour, linestyle="--", marker=".")
    axes.set(xlabel="epoch", ylabel="LWLRAP", title=title)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    models = [Line2D([], [], color=colour, label=name) for name, colour in zip(curves, colours, strict=True)]
    styles = [
        Line2D([], [], color="black", linestyle="-", label="train"),
        Line2D([], [], color="black", linestyle="--", label="validation"),
    ]
    # Beside the axes, where it hides no curve.
    figure.legend(handles=models + styles, loc="outside right upper", frameon=False)
    return figure


def draw_cost(stem: Path, curves: Mapping[str, Sequence[tuple[float, float, float]]], title: str) -> tuple[Path, Path]:
    """LWLRAP against CPU minutes, one line per network, with bars of ± one standard deviation.

    Args:
        stem: path of the files without their suffix.
        curves: by network, points of (CPU minutes, LWLRAP, its deviation), by cost.
        title: what is compared.

    Returns:
        The paths of the PNG and of the SVG file.
    """
    from matplotlib import rc_context

    with rc_context(LITERAL):
        return _save(_cost(curves, title), stem)


def _cost(curves: Mapping[str, Sequence[tuple[float, float, float]]], title: str) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for name, points in curves.items():
        minutes, scores, deviations = zip(*points, strict=True)
        axes.errorbar(minutes, scores, yerr=deviations, marker="o", capsize=3, label=name)
    axes.set(xlabel="CPU minutes of a run", ylabel="LWLRAP", title=title, xscale="log")
    for formatted in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        formatted("{x:g}")  # minutes as one reads them, and not as powers of ten
    axes.grid(alpha=0.3, which="both")
    axes.legend(frameon=False)
    return figure


def _save(figure: "Figure", stem: Path) -> tuple[Path, Path]:
    png, svg = Path(f"{stem}.png"), Path(f"{stem}.svg")  # with_suffix would take the .1 of figure-6.1 for one
    write_whole(png, to_png(figure))
    write_whole(svg, to_svg(figure))
    return png, svg
