"""The synthetic data set: its bytes, its shape on disk, and that its classes can be told apart."""

import csv
import hashlib
import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fat2019.data.data_set import find_data_set
from fat2019.data.synthesis import RATE_HZ, SOUNDS, TABLES, make_data_set, plan_clip, synthesise
from fat2019.errors import DataError

COUNTS = {"curated": 64, "noisy": 16, "test": 48}

# FSDKaggle2019's 80 classes, from its vocabulary.csv.
REAL_CLASSES = """
Accelerating_and_revving_and_vroom Accordion Acoustic_guitar Applause Bark Bass_drum Bass_guitar
Bathtub_(filling_or_washing) Bicycle_bell Burping_and_eructation Bus Buzz Car_passing_by Cheering
Chewing_and_mastication Child_speech_and_kid_speaking Chink_and_clink Chirp_and_tweet Church_bell Clapping
Computer_keyboard Crackle Cricket Crowd Cupboard_open_or_close Cutlery_and_silverware
Dishes_and_pots_and_pans Drawer_open_or_close Drip Electric_guitar Fart Female_singing
Female_speech_and_woman_speaking Fill_(with_liquid) Finger_snapping Frying_(food) Gasp Glockenspiel Gong
Gurgling Harmonica Hi-hat Hiss Keys_jangling Knock Male_singing Male_speech_and_man_speaking
Marimba_and_xylophone Mechanical_fan Meow Microwave_oven Motorcycle Printer Purr Race_car_and_auto_racing
Raindrop Run Scissors Screaming Shatter Sigh Sink_(filling_or_washing) Skateboard Slam Sneeze Squeak Stream
Strum Tap Tick-tock Toilet_flush Traffic_noise_and_roadway_noise Trickle_and_dribble Walk_and_footsteps
Water_tap_and_faucet Waves_and_surf Whispering Writing Yell Zipper_(clothing)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synthesis") / "demo"
    make_data_set(out, **COUNTS)
    return out


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def recordings(folder: Path) -> Iterator[tuple[Path, np.ndarray]]:
    for path in sorted(folder.glob("*.wav")):
        yield path, soundfile.read(path, dtype="int16")[0]


def test_the_same_arguments_give_the_same_bytes(tmp_path):
    for out in ("first", "second"):
        make_data_set(tmp_path / out, curated=6, noisy=3, test=2, seed=7)
    assert digests(tmp_path / "first") == digests(tmp_path / "second")


def test_another_seed_gives_other_clips_under_other_names(tmp_path):
    for seed in (0, 1):
        make_data_set(tmp_path / str(seed), curated=3, noisy=0, test=0, seed=seed)
    first, second = (digests(tmp_path / seed / "train_curated") for seed in ("0", "1"))
    assert len(first) == len(second) == 3
    assert not first.keys() & second.keys()
    assert not set(first.values()) & set(second.values())


def test_a_clip_does_not_depend_on_how_many_others_there_are(tmp_path, folder):
    make_data_set(tmp_path, curated=2, noisy=0, test=0)
    few = {path.name: path.read_bytes() for path in (tmp_path / "train_curated").iterdir()}
    assert len(few) == 2
    assert all((folder / "train_curated" / name).read_bytes() == content for name, content in few.items())


def test_there_are_at_least_twelve_classes_all_of_them_real():
    real = REAL_CLASSES.split()
    assert len(real) == 80
    assert len(SOUNDS) >= 12 and set(SOUNDS) <= set(real)


def test_it_is_read_as_a_data_set_in_the_kaggle_layout(folder):
    data = find_data_set(folder)
    assert data.layout == "kaggle"
    assert data.left_out == ()
    assert data.vocabulary.names == tuple(sorted(SOUNDS))
    assert {split: sum(clip.split == split for clip in data.clips) for split in COUNTS} == COUNTS
    assert {label for clip in data.clips for label in clip.labels} == set(SOUNDS)


def test_the_audio_is_44_1_khz_mono_16_bit(folder):
    for path in folder.rglob("*.wav"):
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.format, info.subtype) == (44_100, 1, "WAV", "PCM_16")
        assert len(path.stem) == 8 and int(path.stem, 16) >= 0


def test_lengths_reach_from_0_3_to_20_seconds(folder):
    for part in ("train_curated", "test"):
        seconds = [soundfile.info(path).duration for path in (folder / part).iterdir()]
        assert min(seconds) == 0.3 and max(seconds) == 20.0
    assert all(2.0 <= soundfile.info(path).duration <= 15.0 for path in (folder / "train_noisy").iterdir())


def test_no_clip_is_silent_or_clipped(folder):
    for path, samples in (
        pair for part in ("train_curated", "train_noisy", "test") for pair in recordings(folder / part)
    ):
        assert 2_000 < np.abs(samples.astype(int)).max() < 32_767, path


def test_curated_clips_have_pauses_of_digital_near_silence(folder):
    def longest_pause(samples: np.ndarray) -> int:
        loud = np.flatnonzero(np.abs(samples.astype(int)) > 8)
        return int(np.diff(loud).max())

    pauses = [longest_pause(samples) for _, samples in recordings(folder / "train_curated")]
    assert np.mean(np.array(pauses) > 0.5 * RATE_HZ) > 0.25


def test_noisy_clips_have_a_background_that_curated_ones_lack(folder):
    def quietest(samples: np.ndarray) -> float:
        blocks = samples[: len(samples) // 441 * 441].reshape(-1, 441).astype(float)
        return float(np.sqrt(np.square(blocks).mean(axis=1)).min())

    assert min(quietest(samples) for _, samples in recordings(folder / "train_noisy")) > 5
    assert np.median([quietest(samples) for _, samples in recordings(folder / "train_curated")]) < 2


def test_some_clips_have_two_labels_and_their_two_sounds(folder):
    assert any(len(labels.split(",")) == 2 for _, labels in rows(folder / "train_curated.csv")[1:])
    plans = [plan_clip(0, "curated", index) for index in range(400)]
    assert 0.15 < np.mean([len(plan.heard) == 2 for plan in plans]) < 0.25
    assert {plan.overlaid for plan in plans if len(plan.heard) == 2} == {True, False}


def test_two_sounds_in_turn_are_the_halves_of_the_clip():
    plan = next(
        plan
        for plan in (plan_clip(0, "curated", index) for index in range(2000))
        if plan.heard == ("Bass_drum", "Hi-hat") and not plan.overlaid and plan.seconds > 2
    )
    samples = synthesise(plan, np.random.default_rng(0)).astype(float)

    def low_share(part: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(part)) ** 2
        return float(power[: round(len(part) * 1000 / RATE_HZ)].sum() / power.sum())

    half = len(samples) // 2
    assert low_share(samples[:half]) > 0.95
    assert low_share(samples[half:]) < 0.05


def test_about_three_in_ten_noisy_clips_are_wrongly_labelled_and_no_other_is():
    for split, low, high in (("curated", 0, 0), ("noisy", 0.25, 0.35), ("test", 0, 0)):
        plans = [plan_clip(0, split, index) for index in range(1000)]
        wrong = [plan for plan in plans if plan.labels != plan.heard]
        assert low <= len(wrong) / len(plans) <= high
        assert all(not set(plan.labels) & set(plan.heard) for plan in wrong)


def test_file_names_never_repeat():
    plans = [plan_clip(3, split, index) for split in COUNTS for index in range(2000)]
    assert len({plan.fname for plan in plans}) == len(plans)


def test_the_sample_submission_lists_the_test_clips_and_tells_no_label(folder):
    header, *body = rows(folder / "sample_submission.csv")
    assert header == ["fname", *sorted(SOUNDS)]
    assert [row[0] for row in body] == sorted(path.name for path in (folder / "test").iterdir())
    assert {cell for row in body for cell in row[1:]} == {"0"}


def test_the_truth_of_the_test_clips_is_kept_aside(folder):
    header, *body = rows(folder / "test_truth.csv")
    assert header == ["fname", "labels"]
    assert [row[0] for row in body] == sorted(path.name for path in (folder / "test").iterdir())
    assert all(set(labels.split(",")) <= set(SOUNDS) for _, labels in body)


def test_the_classes_differ_in_their_spectra(folder):
    def spectrum(samples: np.ndarray) -> np.ndarray:
        frames = np.resize(samples, (-(-len(samples) // 2048), 2048)) * np.hanning(2048)
        power = np.square(np.abs(np.fft.rfft(frames))).mean(axis=0)  # (1025,)
        bands = np.add.reduceat(power, np.unique(np.geomspace(1, 1024, 40).astype(int)))
        level = np.log(bands + 1e-6 * bands.sum())
        return level - level.mean()

    def examples(part: str, table: str) -> tuple[np.ndarray, np.ndarray]:
        labels = dict(rows(folder / table)[1:])
        chosen = [
            (spectrum(samples), labels[path.name])
            for path, samples in recordings(folder / part)
            if "," not in labels[path.name]
        ]
        return np.array([each for each, _ in chosen]), np.array([label for _, label in chosen])

    inputs, labels = examples("train_curated", "train_curated.csv")
    centroids = np.array([inputs[labels == name].mean(axis=0) for name in SOUNDS])  # (classes, bands)
    inputs, labels = examples("test", "test_truth.csv")
    distances = np.square(inputs[:, None] - centroids).sum(axis=-1)  # (clips, classes)
    right = np.mean(np.array(list(SOUNDS))[distances.argmin(axis=1)] == labels)
    assert right > 0.6  # chance: 1 in 16


def test_a_second_call_does_nothing(tmp_path):
    make_data_set(tmp_path, curated=1, noisy=0, test=0)
    clip = next((tmp_path / "train_curated").iterdir())
    clip.write_bytes(b"a mark")
    make_data_set(tmp_path, curated=1, noisy=0, test=0)
    assert clip.read_bytes() == b"a mark"


def test_an_interrupted_run_is_no_data_set_and_is_made_whole_by_the_next(tmp_path):
    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    arguments = {"curated": 2, "noisy": 2, "test": 1}
    with pytest.raises(KeyboardInterrupt):
        make_data_set(tmp_path / "out", **arguments, progress=interrupt)
    assert not any((tmp_path / "out" / table).exists() for table in TABLES.values())
    with pytest.raises(DataError):
        find_data_set(tmp_path / "out")
    make_data_set(tmp_path / "out", **arguments)
    make_data_set(tmp_path / "whole", **arguments)
    assert digests(tmp_path / "out") == digests(tmp_path / "whole")


def test_a_disk_that_is_full_ends_it_in_one_line_and_the_next_call_makes_it_whole(tmp_path):
    small = {"curated": 4, "noisy": 1, "test": 2}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))  # Python ignores the signal: writing fails
    try:
        with pytest.raises(DataError, match=r"/out/train_curated/\w+\.wav: cannot be written: File too large$"):
            make_data_set(tmp_path / "out", **small)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.rglob(".unfinished*")) and not list(tmp_path.glob("out/*.csv"))
    make_data_set(tmp_path / "out", **small)
    make_data_set(tmp_path / "whole", **small)
    assert digests(tmp_path / "out") == digests(tmp_path / "whole")


def test_progress_counts_every_clip(tmp_path):
    calls: list[tuple[int, int]] = []
    make_data_set(tmp_path, curated=2, noisy=1, test=1, progress=lambda *call: calls.append(call))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "train_curated.csv").write_text("fname,labels\n")
    with pytest.raises(DataError, match="not empty"):
        make_data_set(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["train_curated.csv"]
    with pytest.raises(DataError, match="a file, where"):
        make_data_set(tmp_path / "train_curated.csv")


def test_a_synthetic_data_set_of_other_arguments_is_left_alone(tmp_path):
    make_data_set(tmp_path, curated=1, noisy=0, test=0)
    before = digests(tmp_path)
    with pytest.raises(DataError, match="other parameters"):
        make_data_set(tmp_path, curated=2, noisy=0, test=0)
    assert digests(tmp_path) == before


@pytest.mark.parametrize("counts", [{"curated": 0}, {"noisy": -1}, {"test": -1}, {"seed": -1}])
def test_counts_out_of_range_are_refused(tmp_path, counts):
    with pytest.raises(DataError, match="received"):
        make_data_set(tmp_path, **counts)
