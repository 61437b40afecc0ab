"""Small stand-ins for public data sets: their folders, their tables, and real audio in their formats."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile

_FORMATS = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS"), ".mp3": ("MP3", None)}


def write_audio(path: Path, seed: int = 0, seconds: float = 0.4, rate_hz: int = 16_000) -> Path:
    """A short sound in the format of its suffix; the same samples for the same seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    rng = np.random.default_rng(seed)
    sound = 0.3 * np.sin(2 * np.pi * (200 + 40 * (seed % 20)) * time) + rng.normal(0, 0.01, len(time))
    container, subtype = _FORMATS[path.suffix.lower()]
    soundfile.write(path, sound, rate_hz, format=container, subtype=subtype)
    return path


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows] if header else rows)
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def write_json_lines(path: Path, records: Iterable[Mapping[str, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def folders(root: Path, names: Sequence[str] = ("bark", "meow"), clips: int = 3, suffix: str = ".wav") -> Path:
    """A folder a class, whose files have equal names."""
    for number, name in enumerate(names):
        for index in range(clips):
            write_audio(root / name / f"{index:03d}{suffix}", seed=10 * number + index)
    return root


def esc50(root: Path) -> Path:
    """2 classes in 5 folds, two takes of each source recording."""
    header = ["filename", "fold", "target", "category", "esc10", "src_file", "take"]
    rows = []
    for fold in range(1, 6):
        for target, category in ((0, "dog"), (1, "rooster")):
            source = 100_000 + 10 * fold + target
            for take in "AB":
                name = f"{fold}-{source}-{take}-{target}.wav"
                write_audio(root / "audio" / name, seed=source + ord(take), rate_hz=44_100)
                rows.append([name, fold, target, category, "True", source, take])
    write_table(root / "meta/esc50.csv", header, rows)
    (root / "README.md").write_text("ESC-50\n", encoding="utf-8")
    return root


def urbansound8k(root: Path) -> Path:
    """2 classes in 10 folds, two slices of each recording."""
    header = ["slice_file_name", "fsID", "start", "end", "salience", "fold", "classID", "class"]
    rows = []
    for fold in range(1, 11):
        for class_id, name in ((3, "dog_bark"), (8, "siren")):
            recording = 1_000 * fold + class_id
            for slice_ in (0, 4):
                file = f"{recording}-{class_id}-0-{slice_}.wav"
                write_audio(root / f"audio/fold{fold}" / file, seed=recording + slice_, rate_hz=44_100)
                rows.append([file, recording, 0.5 * slice_, 0.5 * slice_ + 0.4, 1, fold, class_id, name])
        (root / f"audio/fold{fold}/.DS_Store").write_bytes(b"")
    write_table(root / "metadata/UrbanSound8K.csv", header, rows)
    return root


def fsd50k(root: Path) -> Path:
    """3 classes; train, val and eval; the uploaders of the development part."""
    names = ["Bark", "Animal", "Siren"]
    dev = [
        (64760, "Bark,Animal", "train"),
        (16399, "Siren", "train"),
        (21914, "Bark,Animal", "val"),
        (7, "Siren", "val"),
    ]
    for number, *_ in dev:
        write_audio(root / f"FSD50K.dev_audio/{number}.wav", seed=number, rate_hz=44_100)
    for number in (37199, 8):
        write_audio(root / f"FSD50K.eval_audio/{number}.wav", seed=number, rate_hz=44_100)
    truth = root / "FSD50K.ground_truth"
    mids = "/m/a,/m/b"
    write_table(
        truth / "dev.csv", ["fname", "labels", "mids", "split"], [(n, text, mids, part) for n, text, part in dev]
    )
    write_table(truth / "eval.csv", ["fname", "labels", "mids"], [(37199, "Siren", "/m/c"), (8, "Bark,Animal", mids)])
    write_table(truth / "vocabulary.csv", [], [(index, name, f"/m/{index}") for index, name in enumerate(names)])
    info = {str(number): {"title": "x", "uploader": f"user{number % 2}"} for number, *_ in dev}
    (root / "FSD50K.metadata").mkdir()
    (root / "FSD50K.metadata/dev_clips_info_FSD50K.json").write_text(json.dumps(info), encoding="utf-8")
    return root


def fsdkaggle2018(root: Path) -> Path:
    """2 classes, verified clips and others, test clips with usage."""
    meta = root / "FSDKaggle2018.meta"
    rows = [
        ("a.wav", "Hi-hat", 0, 1, "CC0"),
        ("b.wav", "Saxophone", 1, 2, "CC0"),
        ("c.wav", "Hi-hat", 1, 3, "CC0"),
        ("d.wav", "Saxophone", 1, 5, "CC0"),
        ("e.wav", "Hi-hat", 1, 6, "CC0"),
    ]
    for index, row in enumerate(rows):
        write_audio(root / "FSDKaggle2018.audio_train" / row[0], seed=index, rate_hz=44_100)
    header = ["fname", "label", "manually_verified", "freesound_id", "license"]
    write_table(meta / "train_post_competition.csv", header, rows)
    write_audio(root / "FSDKaggle2018.audio_test/t.wav", seed=9, rate_hz=44_100)
    header = ["fname", "label", "usage", "freesound_id", "license"]
    write_table(meta / "test_post_competition_scoring_clips.csv", header, [("t.wav", "Hi-hat", "Private", 4, "CC0")])
    return root


def audiofolder(root: Path) -> Path:
    """Metadata in each of train/ and test/, clips in folders below."""
    for part, count in (("train", 4), ("test", 2)):
        records = []
        for index in range(count):
            name = f"clips/{index}.mp3"
            write_audio(root / part / name, seed=index + 10 * count)
            records.append({"file_name": name, "label": ["bark", "meow"][index % 2]})
        write_json_lines(root / part / "metadata.jsonl", records)
    return root


def kaggle(root: Path) -> Path:
    """FSDKaggle2019 as the competition gave it: 2 classes; curated and noisy clips, test clips without labels."""
    _parts(root, "train_curated", "train_noisy", "test", "train_{}.csv", "")
    write_table(
        root / "sample_submission.csv", ["fname", "Bark", "Meow"], [(f"t{index}.wav", 0, 0) for index in (0, 1)]
    )
    return root


def zenodo(root: Path) -> Path:
    """FSDKaggle2019 as Zenodo keeps it, with the labels of the test clips."""
    table = "FSDKaggle2019.meta/train_{}_post_competition.csv"
    _parts(root, "audio_train_curated", "audio_train_noisy", "audio_test", table, "FSDKaggle2019.")
    meta = root / "FSDKaggle2019.meta"
    rows = [("t0.wav", "Bark", "Public"), ("t1.wav", "Meow", "Private")]
    write_table(meta / "test_post_competition.csv", ["fname", "labels", "usage"], rows)
    write_table(meta / "vocabulary.csv", [], [(0, "Bark"), (1, "Meow")])
    return root


def _parts(root: Path, curated: str, noisy: str, test: str, table: str, prefix: str) -> None:
    for seed, (folder, letter, count) in enumerate(((curated, "c", 4), (noisy, "n", 2), (test, "t", 2))):
        for index in range(count):
            write_audio(root / f"{prefix}{folder}/{letter}{index}.wav", seed=10 * seed + index, rate_hz=44_100)
    for part, letter, count in (("curated", "c", 4), ("noisy", "n", 2)):
        rows = [(f"{letter}{index}.wav", ("Bark", "Meow")[index % 2]) for index in range(count)]
        write_table(root / table.format(part), ["fname", "labels"], rows)
