"""FSDKaggle2019 as Kaggle gave it."""

import pytest

from fat2019.data.data_set import Clip, find_data_set
from tests.data.folders import kaggle, refusal, write


def test_the_kaggle_layout_is_read_with_the_samples_vocabulary(tmp_path):
    data = find_data_set(kaggle(tmp_path))
    assert data.layout == "kaggle"
    assert data.vocabulary.names == ("Bark", "Gong", "Meow")
    assert data.clips == (
        Clip("a.wav", "curated", tmp_path / "train_curated/a.wav", ("Bark",), ""),
        Clip("b.wav", "curated", tmp_path / "train_curated/b.wav", ("Bark", "Meow"), ""),
        Clip("n.wav", "noisy", tmp_path / "train_noisy/n.wav", ("Meow",), ""),
        Clip("t.wav", "test", tmp_path / "test/t.wav", (), ""),
    )
    assert data.left_out == ()
    assert data.sample_submission == tmp_path / "sample_submission.csv"


def test_test_clips_alone_without_a_sample_have_no_classes(tmp_path):
    write(tmp_path, audio=["test/t.wav"])
    expected = f"{tmp_path}/sample_submission.csv: no such file, nor a table of labels, to take the classes from"
    assert refusal(tmp_path, splits=("test",)) == expected


def test_test_clips_alone_can_be_asked_for(tmp_path):
    write(tmp_path, {"sample_submission.csv": "fname,Bark\nt.wav,0\n"}, ["test/t.wav"])
    assert [clip.fname for clip in find_data_set(tmp_path, splits=("test",)).clips] == ["t.wav"]
    assert "no clips with labels" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,Bark\n", "expected the header fname"),
        ("fname\n", "expected the header fname"),
        ("fname,Bark,Bark\n", "more than once"),
        ("", "an empty file"),
    ],
)
def test_a_broken_sample_submission_is_refused(tmp_path, text, words):
    message = refusal(write(kaggle(tmp_path), {"sample_submission.csv": text}))
    assert words in message and "sample_submission.csv" in message
