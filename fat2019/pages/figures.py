"""Figures of data, clips and runs.

All figures of a page have one width, near that of a telephone's screen, so that their text stays readable there and
several stand side by side elsewhere. Colours are those of Okabe and Ito, which colour-blind people can tell apart.
"""

import contextlib
import functools
import io
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from fat2019.config.features import FeatureConfig

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#cc79a7",
    "#56b4e9",
    "#8a8f98",
)
SPLIT_COLOURS = {"curated": BLUE, "noisy": ORANGE, "test": GREEN}

_WIDTH_IN = 4.2
_WIDE_IN = 9.0  # where a recording's time needs room
_CLASS_IN = 0.185  # height of one class in a figure of all classes
_WAVEFORM_COLUMNS = 600
_LOG_MEL_COLUMNS = 4096  # more than a page has pixels
LITERAL: Any = {"text.parse_math": False}  # a class or a file may be called A$AP

_Draw = TypeVar("_Draw", bound=Callable[..., "Figure"])
_STYLE: Any = {
    "font.size": 9,
    **LITERAL,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": "#333a45",
    "xtick.color": "#333a45",
    "ytick.color": "#333a45",
    "axes.grid": False,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "svg.hashsalt": "fat2019",
}
_STYLE_LOCK = threading.RLock()


@contextlib.contextmanager
def _style() -> Iterator[None]:
    """The style above, for one thread at a time: matplotlib keeps it for the process, and `serve` draws in threads."""
    import matplotlib

    with _STYLE_LOCK, matplotlib.rc_context(_STYLE):
        yield


def _styled(draw: _Draw) -> _Draw:
    """Draw in the style above: much of it is looked up when a part of a figure is made."""

    @functools.wraps(draw)
    def drawn(*args: Any, **kwargs: Any) -> "Figure":
        with _style():
            return draw(*args, **kwargs)

    return cast(_Draw, drawn)


def to_svg(figure: "Figure") -> bytes:
    """SVG that is the same for the same figure: no date, no random names."""
    return _saved(figure, "svg", metadata={"Date": None})


def to_png(figure: "Figure") -> bytes:
    """PNG, large enough for print."""
    return _saved(figure, "png", dpi=160)


@_styled
def wide_log_mel(log_mel: npt.NDArray[np.float32], config: FeatureConfig, sound_s: float, title: str) -> "Figure":
    """Decibels ``(frames, mels)`` of a recording of ``sound_s`` with its pauses, as wide as its timeline."""
    figure, axes = _figures(2.6, 1, width=_WIDE_IN)
    _draw_log_mel(axes, log_mel, config, sound_s)
    axes.set(title=title, xlabel="time in s")
    return figure


@_styled
def durations(before_s: npt.NDArray[np.float64], after_s: npt.NDArray[np.float64] | None, split: str) -> "Figure":
    """Histograms of the lengths of a split's clips, and of what silence removal leaves of them.

    Args:
        before_s: seconds, ``(clips,)``.
        after_s: seconds of the same clips without silence, or none if that is not known.
        split: whose clips.
    """
    figure, axes = _figure(2.8)
    longest = max(before_s.max(), 1.0)
    bins = np.geomspace(max(min(before_s.min(), 1.0 if after_s is None else after_s.min()), 0.05), longest * 1.001, 32)
    axes.hist(before_s, bins.tolist(), color=SPLIT_COLOURS[split], alpha=0.45, label="as recorded")
    if after_s is not None:
        axes.hist(after_s, bins.tolist(), histtype="step", color=RED, linewidth=1.6, label="without silence")
    axes.set(xscale="log", xlabel="duration (s)", ylabel="clips", title=f"Durations of {split} clips")
    ticks = [tick for tick in (0.1, 0.3, 1, 3, 10, 30, 100, 300) if bins[0] <= tick <= bins[-1]]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_formatter(lambda *_: "")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@_styled
def labels_per_clip(counts: Mapping[str, npt.NDArray[np.int64]]) -> "Figure":
    """By split, the shares of clips with 1, 2, 3, ... labels; ``counts`` holds each clip's number of labels."""
    figure, axes = _figure(2.8)
    most = max(int(of_split.max()) for of_split in counts.values())
    width = 0.8 / len(counts)
    for index, (split, of_split) in enumerate(counts.items()):
        shares = np.bincount(of_split, minlength=most + 1)[1:] / len(of_split)
        axes.bar(
            np.arange(1, most + 1) + (index - (len(counts) - 1) / 2) * width,
            shares,
            width,
            color=SPLIT_COLOURS[split],
            label=split,
        )
    axes.set(xlabel="labels of a clip", ylabel="share of clips", title="Labels per clip")
    axes.set_xticks(range(1, most + 1))
    figure.legend(loc="outside lower center", ncols=3)
    return figure


@_styled
def label_histogram(names: Sequence[str], counts: Mapping[str, npt.NDArray[np.int64]]) -> "Figure":
    """Clips of each class, by split, the first class at the top: the report's figure 3.2."""
    figure, axes = _class_figure(names)
    height = 0.8 / len(counts)
    for index, (split, of_split) in enumerate(counts.items()):
        axes.barh(
            np.arange(len(names)) + (index - (len(counts) - 1) / 2) * height,
            of_split,
            height,
            color=SPLIT_COLOURS[split],
            label=split,
        )
    axes.set_xlabel("clips")
    _head(figure, "Clips per class")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


@_styled
def split_balance(balance: "pd.DataFrame", share: float, widest: float, title: str) -> "Figure":
    """Each class's share of clips in validation: the report's figures 5.1 and 5.2.

    Args:
        balance: as :func:`fat2019.data.split.balance` gives it, indexed by class.
        share: what was asked for.
        widest: end of the axis, the same in the figures that are to be compared.
        title: which split.
    """
    figure, axes = _class_figure(list(balance.index))
    shares = balance["validation_share"].fillna(0.0).to_numpy()
    axes.barh(np.arange(len(shares)), shares, 0.7, color=BLUE, label="share in validation")
    axes.axvline(share, color=RED, linewidth=1.4, linestyle="--", label=f"wanted: {share:g}")
    axes.set(xlabel="share of the class's clips", xlim=(0, widest))
    _head(figure, title)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@_styled
def co_occurrence(names: Sequence[str], together: npt.NDArray[np.int64], most_classes: int = 24) -> "Figure":
    """How often two classes are labels of one clip: ``(classes, classes)``, the diagonal left out.

    Only the classes that occur together most often are drawn, in the vocabulary's order.
    """
    apart = together * (1 - np.eye(len(names), dtype=np.int64))
    shown = np.sort(np.argsort(-apart.sum(axis=1), kind="stable")[:most_classes])
    shown = shown[apart[shown].sum(axis=1) > 0]
    figure, axes = _figure(1.5 + 0.125 * max(len(shown), 12))
    image = axes.imshow(np.ma.masked_equal(apart[np.ix_(shown, shown)], 0), cmap="viridis_r", aspect="auto")
    # Names along one axis only: turned by a right angle they would take as much room again, and hardly be read.
    axes.set_yticks(range(len(shown)), [f"{names[index]}  {row + 1}" for row, index in enumerate(shown)], fontsize=7)
    axes.set_xticks(range(0, len(shown), 3), [str(row + 1) for row in range(0, len(shown), 3)], fontsize=7)
    axes.set_xlabel("number of the class")
    _head(figure, "Classes that occur together")
    figure.colorbar(image, ax=axes, label="clips", location="bottom", aspect=40, format=lambda value, _: f"{value:g}")
    return figure


@_styled
def clip(
    samples: npt.NDArray[np.int16],
    kept: npt.NDArray[np.int64] | None,
    log_mel: npt.NDArray[np.float32],
    starts: Sequence[int],
    config: FeatureConfig,
    title: str,
) -> "Figure":
    """A clip's waveform with its silences marked, and the log-mel of the rest with the windows that would be cut.

    Args:
        samples: int16 ``(samples,)``, as recorded if ``kept`` is given, without silence otherwise.
        kept: ranges ``(ranges, 2)`` of samples that are no silence; none if that is not known.
        log_mel: ``(frames, mels)`` of what is kept, repeated where that is shorter than a window.
        starts: first frames of windows; the first has most energy and is taken.
        config: of the features.
        title: which clip.
    """
    figure, (above, below) = _figures(3.9, 2)
    _draw_waveform(above, samples, config.sample_rate_hz)
    if kept is not None:
        for start, end in _gaps(kept, len(samples)):
            above.axvspan(
                start / config.sample_rate_hz, end / config.sample_rate_hz, color=RED, alpha=0.25, linewidth=0
            )
    above.set_title(title)
    kept_samples = len(samples) if kept is None else int(np.diff(kept).sum())
    _draw_log_mel(below, log_mel, config, kept_samples / config.sample_rate_hz)
    hop_s = config.hop_samples / config.sample_rate_hz
    for index, start in enumerate(starts):
        inset = 1 + 3 * index  # mel bands, so that equal windows do not hide one another
        below.plot(
            np.array([0, config.window_frames, config.window_frames, 0, 0]) * hop_s + start * hop_s,
            np.array([inset, inset, config.mel_bands - inset, config.mel_bands - inset, inset]),
            color="white" if index else SKY,
            linewidth=1.0 if index else 2.2,
            linestyle="-" if not index else "--",
        )
    return figure


@_styled
def images(named: Mapping[str, npt.NDArray[np.float32]], config: FeatureConfig) -> "Figure":
    """Images ``(frames, mels)`` in 0..255, two in a row, each under its name: the report's figure 6.1."""
    rows = -(-len(named) // 2)
    figure, panels = _figures(1.75 * rows + 0.25, rows, 2)
    seconds = config.window_frames * config.hop_samples / config.sample_rate_hz
    for axes, (name, image) in zip(np.ravel(panels), named.items(), strict=False):
        axes.imshow(
            image.T,
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=0,
            vmax=255,
            extent=(0, seconds, 0, config.mel_bands),
        )
        axes.set_title(name, fontsize=8.5)
    for axes in np.ravel(panels)[len(named) :]:
        axes.set_visible(False)
    figure.supxlabel("time in s", fontsize=9)
    figure.supylabel("mel band", fontsize=9)
    return figure


def waveform_and_log_mel(
    samples: npt.NDArray[np.int16], log_mel: npt.NDArray[np.float32], config: FeatureConfig, title: str
) -> "Figure":
    """What is stored of a clip: int16 ``(samples,)`` and log-mel ``(frames, mels)``."""
    return clip(samples, None, log_mel, (), config, title)


@_styled
def learning_curves(history: "pd.DataFrame", title: str) -> "Figure":
    """Loss and LWLRAP of all epochs of a run, of its stages one after another."""
    from matplotlib.ticker import MaxNLocator

    figure, panels = _figures(4.0, 2)
    epochs = np.arange(1, len(history) + 1)
    for axes, column, label in zip(panels, ("loss", "lwlrap"), ("loss", "LWLRAP"), strict=True):
        for name, colour, line in ((column, BLUE, "-"), (f"val_{column}", RED, "--")):
            axes.plot(
                epochs,
                history[name],
                color=colour,
                linestyle=line,
                marker=".",
                markersize=4,
                label="validation" if name.startswith("val_") else "training",
            )
        for boundary in np.flatnonzero(np.diff(history["stage"])):
            axes.axvline(boundary + 1.5, color=GREY, linewidth=0.8)
        axes.set_ylabel(label)
        axes.grid(alpha=0.25)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[0].set_title(title)
    panels[1].set_xlabel("epoch")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


@_styled
def timeline(
    samples: npt.NDArray[np.int16],
    rate_hz: int,
    start_s: npt.NDArray[np.float64],
    window_s: float,
    scores: npt.NDArray[np.float64],
    names: Sequence[str],
    title: str,
) -> "Figure":
    """A recording's waveform, and below it the scores of some classes along time.

    Args:
        samples: int16 ``(samples,)``.
        rate_hz: their rate.
        start_s: first second of each window, ``(windows,)``, ascending.
        window_s: seconds of a window.
        scores: ``(windows, classes)``.
        names: of these classes, the first at the top.
        title: which recording.
    """
    figure, (above, below) = _figures(
        1.9 + 0.25 * len(names), 2, width=_WIDE_IN, sharex=True, height_ratios=(1, 0.5 + 0.2 * len(names))
    )
    _draw_waveform(above, samples, rate_hz)
    above.set(title=title, xlabel="")
    # A window's score is drawn about its middle, up to halfway to its neighbours.
    seconds = len(samples) / rate_hz
    middles = np.minimum(start_s + window_s / 2, seconds)
    edges = np.concatenate(([0.0], (middles[1:] + middles[:-1]) / 2, [seconds]))
    mesh = below.pcolormesh(edges, np.arange(len(names) + 1), scores.T, cmap="magma", vmin=0, vmax=1)
    below.invert_yaxis()
    below.set_yticks(np.arange(len(names)) + 0.5, names)
    below.set(xlabel="time in s")
    figure.colorbar(mesh, ax=below, label="score", pad=0.01, ticks=[0, 0.5, 1])
    return figure


def _figure(height_in: float) -> tuple["Figure", "Axes"]:
    figure, axes = _figures(height_in, 1)
    return figure, axes


def _figures(
    height_in: float, rows: int, columns: int = 1, *, width: float = _WIDTH_IN, **options: Any
) -> tuple["Figure", Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height_in), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def _head(figure: "Figure", title: str) -> None:
    """A title over the whole figure, where the names of classes leave the axes little room."""
    figure.suptitle(title, x=0.02, ha="left", fontsize=9.5, fontweight="bold")


def _class_figure(names: Sequence[str]) -> tuple["Figure", "Axes"]:
    """Axes with a row per class, the first at the top."""
    figure, axes = _figure(1.1 + _CLASS_IN * len(names))
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", alpha=0.25)
    axes.set_axisbelow(True)
    return figure, axes


def _draw_waveform(axes: "Axes", samples: npt.NDArray[np.int16], rate_hz: int) -> None:
    """The least and the greatest sample of each of some hundred stretches: as a plot of all samples looks."""
    columns = min(_WAVEFORM_COLUMNS, len(samples))
    edges = np.linspace(0, len(samples), columns + 1).astype(np.int64)[:-1]
    low, high = (edge.reduceat(samples, edges) / 32_768 for edge in (np.minimum, np.maximum))
    axes.fill_between(edges / rate_hz, low, high, color=BLUE, linewidth=0.4)
    axes.set(xlabel="time in s", ylabel="amplitude", xlim=(0, len(samples) / rate_hz))
    reach = max(0.01, float(np.abs([low, high]).max()))
    axes.set_ylim(-1.05 * reach, 1.05 * reach)


def _draw_log_mel(axes: "Axes", log_mel: npt.NDArray[np.float32], config: FeatureConfig, sound_s: float) -> None:
    """``log_mel`` over time; what only repeats a sound of ``sound_s`` that is shorter than a window is veiled."""
    hop_s = config.hop_samples / config.sample_rate_hz
    seconds = len(log_mel) * hop_s
    image = axes.imshow(
        _thinned(log_mel).T,
        origin="lower",
        aspect="auto",
        cmap="magma",
        interpolation="nearest",
        extent=(0, seconds, 0, config.mel_bands),
    )
    axes.set(xlabel="time without silence (s)", ylabel="mel band")
    if sound_s < seconds - 2 * hop_s:  # frames reach over the end by less
        axes.axvspan(sound_s, seconds, color="white", alpha=0.6, linewidth=0)
        axes.text((sound_s + seconds) / 2, config.mel_bands / 2, "repeated to fill a window", ha="center", va="center")
    axes.figure.colorbar(image, ax=axes, label="dB" if config.log == "decibel" else "ln", pad=0.01)


def _thinned(log_mel: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The loudest of neighbouring frames: matplotlib takes twenty bytes for each value of hours of sound."""
    if len(log_mel) <= _LOG_MEL_COLUMNS:
        return log_mel
    edges = np.linspace(0, len(log_mel), _LOG_MEL_COLUMNS + 1).astype(np.int64)[:-1]
    return np.maximum.reduceat(log_mel, edges, axis=0)


def _gaps(kept: npt.NDArray[np.int64], samples: int) -> npt.NDArray[np.int64]:
    """What lies between, before and after the kept ranges, ``(gaps, 2)``."""
    edges = np.concatenate(([0], kept.ravel(), [samples])).reshape(-1, 2)
    return edges[edges[:, 0] < edges[:, 1]]


def _saved(figure: "Figure", form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    with _style():
        figure.savefig(file, format=form, **options)
    return file.getvalue()
