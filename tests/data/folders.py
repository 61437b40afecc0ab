"""Folders as FSDKaggle2019 comes in, of files that no test opens."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from fat2019.data.data_set import find_data_set
from fat2019.errors import DataError

HEADER = "fname,labels\n"
ZENODO = "FSDKaggle2019."


def write(root: Path, texts: Mapping[str, str | bytes] | None = None, audio: Sequence[str] = ()) -> Path:
    """Files with the given texts, and empty audio files, below ``root``."""
    files: dict[str, str | bytes] = {**(texts or {}), **dict.fromkeys(audio, b"")}
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return root


def kaggle(root: Path) -> Path:
    return write(
        root,
        {
            "train_curated.csv": HEADER + 'b.wav,"Bark,Meow"\na.wav,Bark\n',
            "train_noisy.csv": HEADER + "n.wav,Meow\n",
            "sample_submission.csv": "fname,Bark,Gong,Meow\nt.wav,0,0,0\nabsent.wav,0,0,0\n",
        },
        ["train_curated/a.wav", "train_curated/b.wav", "train_noisy/n.wav", "test/t.wav"],
    )


def zenodo(root: Path) -> Path:
    meta = f"{ZENODO}meta"
    return write(
        root,
        {
            f"{meta}/train_curated_post_competition.csv": "fname,labels,freesound_id,license\na.wav,Bark,1,CC0\n",
            f"{meta}/train_noisy_post_competition.csv": 'fname,labels,flickr_video_URL\nn.wav,"Gong,Bark",x\n',
            f"{meta}/test_post_competition.csv": "fname,labels,usage,x\nt.wav,Meow,Public,0\nu.wav,Bark,Private,0\n",
            f"{meta}/vocabulary.csv": "0,Bark\n1,Gong\n2,Meow\n",
        },
        [
            f"{ZENODO}audio_train_curated/a.wav",
            f"{ZENODO}audio_train_noisy/n.wav",
            f"{ZENODO}audio_test/t.wav",
            f"{ZENODO}audio_test/u.wav",
        ],
    )


def curated(root: Path, rows: str, audio: Sequence[str] = ("a.wav",)) -> Path:
    """An own data set: curated clips alone."""
    return write(root, {"train_curated.csv": HEADER + rows}, [f"train_curated/{name}" for name in audio])


def refusal(root: Path, **options: object) -> str:
    """The message, which must be a single line."""
    with pytest.raises(DataError) as caught:
        find_data_set(root, **options)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    return message
