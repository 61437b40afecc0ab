import threading

import matplotlib
import numpy as np
import pandas as pd
import pytest

from fat2019.audio.logmel import log_mel, repeat_to
from fat2019.config.features import NAMED, FeatureConfig
from fat2019.pages import figures

CONFIG = FeatureConfig()


def test_threads_that_draw_at_once_leave_matplotlib_as_it_was():
    before = dict(matplotlib.rcParams)
    second_is_in, first_is_out = threading.Event(), threading.Event()

    @figures._styled
    def first():
        second.start()
        second_is_in.wait(0.5)  # in vain, where one thread draws after the other

    @figures._styled
    def draw_second():
        second_is_in.set()
        first_is_out.wait(0.5)

    second = threading.Thread(target=draw_second)
    first()
    first_is_out.set()
    second.join()
    assert dict(matplotlib.rcParams) == before


def test_the_same_figure_has_the_same_bytes_and_another_has_others():
    first, second, other = (
        figures.to_svg(figures.durations(np.array([1.0, 2.0, length]), None, "curated")) for length in (3.0, 3.0, 9.0)
    )
    assert first == second != other


def test_lengths_are_counted_each_once_before_and_after():
    before, after = np.array([0.3, 1.0, 5.0, 57.6]), np.array([0.2, 1.0, 2.0, 50.0])
    [axes] = figures.durations(before, after, "curated").axes
    bars = [patch for patch in axes.patches if hasattr(patch, "get_height")]
    assert sum(bar.get_height() for bar in bars) == 4
    assert axes.get_xlabel() == "duration (s)"
    steps = next(patch for patch in axes.patches if not hasattr(patch, "get_height"))
    assert steps.get_path().vertices[:, 1].max() >= 1


def test_the_bars_of_the_histogram_are_the_counts_of_each_split():
    [axes] = figures.label_histogram(
        ["a", "b", "c"], {"curated": np.array([3, 0, 5]), "noisy": np.array([7, 1, 2])}
    ).axes
    assert [[bar.get_width() for bar in bars] for bars in axes.containers] == [[3, 0, 5], [7, 1, 2]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    low, high = axes.get_ylim()
    assert low > high  # the first class stands at the top


def test_labels_per_clip_are_shares_of_each_split():
    [axes] = figures.labels_per_clip({"curated": np.array([1, 1, 2, 3]), "noisy": np.array([1, 1])}).axes
    assert [[bar.get_height() for bar in bars] for bars in axes.containers] == [[0.5, 0.25, 0.25], [1, 0, 0]]


def test_the_balance_shows_each_share_and_the_one_wanted():
    table = pd.DataFrame({"train": [8, 3], "validation": [2, 0], "validation_share": [0.2, np.nan]}, index=["a", "b"])
    [axes] = figures.split_balance(table, 0.2, 0.5, "t").axes
    assert [bar.get_width() for bar in axes.containers[0]] == [0.2, 0]
    assert axes.lines[0].get_xdata()[0] == 0.2
    assert axes.get_xlim() == (0, 0.5)


def test_only_classes_that_occur_with_another_are_in_the_matrix():
    together = np.array([[9, 2, 0], [2, 5, 0], [0, 0, 7]])
    axes = figures.co_occurrence(["a", "b", "c"], together).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a  1", "b  2"]
    assert axes.images[0].get_array().filled(0).tolist() == [[0, 2], [2, 0]]


def test_removed_silences_are_marked_in_seconds():
    samples = np.zeros(48_000, np.int16)
    kept = np.array([[8_000, 16_000], [32_000, 48_000]])
    figure = figures.clip(samples, kept, np.zeros((92, 80), np.float32), (0, 5), CONFIG, "t")
    marked = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in figure.axes[0].patches]
    assert marked == [(0.0, 0.5), (1.0, 2.0)]
    assert len(figure.axes[1].lines) == 2  # two windows
    chosen, other = figure.axes[1].lines
    assert chosen.get_xdata().min() == 0
    assert other.get_xdata().min() == pytest.approx(5 * 512 / 16_000)


@pytest.mark.parametrize("config", NAMED.values(), ids=NAMED)
def test_what_only_fills_a_window_is_not_drawn_as_if_it_had_sounded(config):
    """Clips of half a window and of two, without a silence known and with one that is cut out."""
    window_s = config.window_frames * config.hop_samples / config.sample_rate_hz
    for share, kept in ((0.5, None), (2, None), (1.5, np.array([[0, 8_000]]))):
        samples = np.zeros(round(share * window_s * config.sample_rate_hz), np.int16)
        heard_s = (len(samples) if kept is None else 8_000) / config.sample_rate_hz
        drawn = log_mel(repeat_to(samples[: round(heard_s * config.sample_rate_hz)], config.window_samples), config)
        below = figures.clip(samples, kept, drawn.astype(np.float32), (), config, "t").axes[1]
        veiled = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in below.patches]
        if heard_s < window_s:
            assert veiled == [pytest.approx((heard_s, below.images[0].get_extent()[1]))]
            assert [text.get_text() for text in below.texts] == ["repeated to fill a window"]
        else:
            assert not veiled and not below.texts


def test_curves_hold_the_epochs_of_all_stages_with_a_line_between():
    history = pd.DataFrame(
        {
            "stage": [1, 1, 2],
            "epoch": [1, 2, 1],
            "loss": [3, 2, 1],
            "val_loss": [4, 3, 2],
            "lwlrap": [0.1, 0.2, 0.3],
            "val_lwlrap": [0.1, 0.1, 0.2],
        }
    )
    loss, score = figures.learning_curves(history, "t").axes
    assert [line.get_ydata().tolist() for line in loss.lines[:2]] == [[3, 2, 1], [4, 3, 2]]
    assert [line.get_ydata().tolist() for line in score.lines[:2]] == [[0.1, 0.2, 0.3], [0.1, 0.1, 0.2]]
    assert loss.lines[2].get_xdata() == [2.5, 2.5]


def test_a_timeline_covers_the_whole_recording_also_a_short_one():
    for seconds, starts in ((20, np.array([0.0, 8.5, 17.0])), (0.4, np.array([0.0]))):
        scores = np.linspace(0, 1, len(starts) * 2).reshape(-1, 2)
        figure = figures.timeline(
            np.zeros(int(16_000 * seconds), np.int16), 16_000, starts, 3.0, scores, ["a", "b"], "t"
        )
        mesh = figure.axes[1].collections[0]
        assert np.array_equal(mesh.get_array(), scores.T)
        assert mesh.get_coordinates()[0, [0, -1], 0].tolist() == [0, seconds]
        assert figures.to_png(figure).startswith(b"\x89PNG")


def test_dollars_in_names_are_shown_as_they_are():
    counts = {"curated": np.array([3, 1])}
    svg = figures.to_svg(figures.label_histogram(["A$AP Song_$", "Ba$$in"], counts))
    assert b"<!-- A$AP Song_$ -->" in svg and b"<!-- Ba$$in -->" in svg


def test_hours_of_frames_are_drawn_in_few_columns_and_no_loud_frame_is_lost():
    config = FeatureConfig()
    frames = np.full((200_000, config.mel_bands), -80, np.float32)
    frames[123_456, 7] = 3.0
    image = figures.wide_log_mel(frames, config, 2_000.0, "hours").axes[0].images[0]
    assert image.get_array().shape[1] <= 4096
    assert image.get_array().max() == 3.0
    assert image.get_extent()[1] == pytest.approx(200_000 * config.hop_samples / config.sample_rate_hz)
    few = figures.wide_log_mel(frames[:1000], config, 10.0, "few").axes[0].images[0]
    assert few.get_array().shape == (config.mel_bands, 1000)
