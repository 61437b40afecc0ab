import numpy as np
import pandas as pd
import pytest

from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.scoring.submission import (
    average_files,
    read_sample,
    read_truth,
    write_submission,
)
from fat2019.utils import files

VOCABULARY = Vocabulary(("Bark", "Bus", "Gong"))
SCORES = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], np.float32)


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


# --- writing


def test_a_submission_is_written_as_kaggle_wants_it(tmp_path):
    write_submission(tmp_path / "out.csv", ["b.wav", "a"], SCORES, VOCABULARY)
    written = (tmp_path / "out.csv").read_bytes()
    assert written == b"fname,Bark,Bus,Gong\nb.wav,0.1,0.2,0.3\na.wav,0.4,0.5,0.6\n"


def test_rows_and_columns_follow_the_sample(tmp_path):
    sample = write(tmp_path / "sample.csv", "fname,Gong,Bark,Bus\na.wav,0,0,0\nb.wav,0,0,0\n")
    write_submission(tmp_path / "out.csv", ["b.wav", "a.wav"], SCORES, VOCABULARY, sample)
    assert (tmp_path / "out.csv").read_text() == "fname,Gong,Bark,Bus\na.wav,0.6,0.4,0.5\nb.wav,0.3,0.1,0.2\n"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_two_scores_become_equal_by_writing_and_reading(tmp_path, dtype):
    near_one = np.linspace(1 - 100 * np.finfo(dtype).eps, 1, 30, dtype=dtype).reshape(10, 3)
    names = [f"{number}.wav" for number in range(10)]
    write_submission(tmp_path / "out.csv", names, near_one, VOCABULARY)
    average_files([tmp_path / "out.csv"], tmp_path / "again.csv")
    read = pd.read_csv(tmp_path / "again.csv", index_col="fname")
    np.testing.assert_array_equal(read.to_numpy().astype(dtype), near_one)


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ("fname,Bark,Bus,Gong\na.wav,0,0,0\n", r"1 of its 2 clips are not in .*sample\.csv: b\.wav$"),
        (
            "fname,Bark,Bus,Gong\n" + "".join(f"{c}.wav,0,0,0\n" for c in "abcdef"),
            r"4 of the 6 clips of .* are missing: c\.wav, d\.wav, e\.wav, \.\.\.$",
        ),
        ("fname,Bark,Bus\na.wav,0,0\nb.wav,0,0\n", "1 of its 3 classes are not in .*: Gong"),
        ("fname,Bark,Bus,Gong,Run\na.wav,0,0,0,0\nb.wav,0,0,0,0\n", "1 of the 4 classes of .* are missing: Run"),
    ],
)
def test_clips_or_classes_other_than_the_samples_are_refused_and_nothing_written(tmp_path, sample, message):
    sample_path = write(tmp_path / "sample.csv", sample)
    with pytest.raises(DataError, match=message):
        write_submission(tmp_path / "out.csv", ["a.wav", "b.wav"], SCORES, VOCABULARY, sample_path)
    assert [path.name for path in tmp_path.iterdir()] == ["sample.csv"]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_not_finite_are_refused_and_the_first_is_named(tmp_path, bad):
    scores = SCORES.copy()
    scores[1, 2] = bad
    with pytest.raises(DataError, match=r"1 scores .* b\.wav, Gong"):
        write_submission(tmp_path / "out.csv", ["a.wav", "b.wav"], scores, VOCABULARY)
    assert not list(tmp_path.iterdir())


def test_a_clip_with_two_rows_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"more than once: a\.wav"):
        write_submission(tmp_path / "out.csv", ["a.wav", "a"], SCORES, VOCABULARY)


def test_scores_of_another_shape_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"Expected scores of shape \(1, 3\)\. Received shape \(2, 3\)"):
        write_submission(tmp_path / "out.csv", ["a.wav"], SCORES, VOCABULARY)


@pytest.mark.parametrize("where", ["missing/out.csv", "a_file/out.csv", "a_folder"])
def test_a_place_that_cannot_be_written_is_named(tmp_path, where):
    write(tmp_path / "a_file", "")
    (tmp_path / "a_folder").mkdir()
    with pytest.raises(DataError, match=f"{where}: cannot be written: "):
        write_submission(tmp_path / where, ["a.wav", "b.wav"], SCORES, VOCABULARY)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a_file", "a_folder"]


def test_an_interrupted_write_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    out = write(tmp_path / "out.csv", "old")

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full_disk)
    with pytest.raises(DataError, match="No space left"):
        write_submission(out, ["a.wav", "b.wav"], SCORES, VOCABULARY)
    assert out.read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]


# --- averaging files


def test_files_are_averaged_by_clip_and_class_whatever_their_order(tmp_path):
    one = write(tmp_path / "1.csv", "fname,Bark,Bus\na.wav,0.1,0.2\nb.wav,0.3,0.4\n")
    two = write(tmp_path / "2.csv", "fname,Bus,Bark\nb.wav,0.6,0.5\na.wav,0.4,0.3\n")
    average_files([one, two], tmp_path / "out.csv")
    mean = pd.read_csv(tmp_path / "out.csv", index_col="fname")
    assert mean.columns.tolist() == ["Bark", "Bus"]
    assert mean.index.tolist() == ["a.wav", "b.wav"]
    np.testing.assert_allclose(mean, [[0.2, 0.3], [0.4, 0.5]])


def test_files_are_averaged_geometrically_and_with_weights_too(tmp_path):
    one = write(tmp_path / "1.csv", "fname,Bark\na.wav,0.1\n")
    two = write(tmp_path / "2.csv", "fname,Bark\na.wav,0.9\n")
    average_files([one, two], tmp_path / "out.csv", "geometric", [1, 2])
    assert pd.read_csv(tmp_path / "out.csv").Bark[0] == pytest.approx((0.1 * 0.81) ** (1 / 3))


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("fname,Bark,Bus\na.wav,0,0\n", r"2\.csv: 1 of the 2 clips of .*1\.csv are missing: b\.wav"),
        ("fname,Bark,Bus\na.wav,0,0\nb.wav,0,0\nc.wav,0,0\n", r"2\.csv: 1 of its 3 clips .*: c\.wav"),
        ("fname,Bark,Gong\na.wav,0,0\nb.wav,0,0\n", r"2\.csv: 1 of the 2 classes .* missing: Bus"),
        ("fname,Bark,Bus\na.wav,0,x\nb.wav,0,0\n", r"2\.csv: expected a number"),
        ("fname,Bark,Bus\na.wav,0,nan\nb.wav,0,0\n", r"2\.csv: 1 scores are NaN"),
        ("fname,Bark,Bus\na.wav,0,2\nb.wav,0,0\n", r"2\.csv: .*probabilities"),
    ],
)
def test_files_that_do_not_fit_together_are_refused(tmp_path, second, message):
    one = write(tmp_path / "1.csv", "fname,Bark,Bus\na.wav,0.1,0.2\nb.wav,0.3,0.4\n")
    with pytest.raises(DataError, match=message):
        average_files([one, write(tmp_path / "2.csv", second)], tmp_path / "out.csv", "geometric")
    assert not (tmp_path / "out.csv").exists()


def test_averaging_nothing_is_refused(tmp_path):
    with pytest.raises(DataError, match="at least one"):
        average_files([], tmp_path / "out.csv")


# --- reading


def test_the_sample_is_read_as_it_stands(tmp_path):
    sample = read_sample(write(tmp_path / "s.csv", "\ufefffname,Bus,Bark\n1e5.wav,0,0\nNA,0.50,0\n"))
    assert sample.columns.tolist() == ["fname", "Bus", "Bark"]
    assert sample.fname.tolist() == ["1e5.wav", "NA"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        (b"\xff\xfe\x00,\n", "not UTF-8 text"),
        (b"fname,Bark\n\n", "is empty"),
        (b"file,Bark\na.wav,0\n", "expected the header 'fname'"),
        (b"fname\na.wav\n", "expected the header 'fname'"),
        (b"fname,Bark,Bark\na.wav,0,0\n", "'Bark' more than once"),
        (b"fname,Bark,Bus\na.wav,0,0\nb.wav,0\n", r"line 3: expected 3 cells, received 2"),
        (b"fname,Bark\na.wav,0,0\n", "line 2: expected 2 cells, received 3"),
        (b"fname,Bark\na.wav,0\na.wav,0\n", r"more than once: a\.wav"),
    ],
)
def test_a_file_that_is_no_submission_is_named_with_the_likely_mistake(tmp_path, content, message):
    (tmp_path / "s.csv").write_bytes(content)
    with pytest.raises(DataError, match=rf"s\.csv[:,].*({message})"):
        read_sample(tmp_path / "s.csv")


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(DataError, match=r"nowhere\.csv: cannot be read: No such file"):
        read_sample("nowhere.csv")


def test_the_truth_is_read_with_its_labels_apart(tmp_path):
    path = write(tmp_path / "t.csv", 'usage,fname,labels\nPublic,b.wav,"Gong,Bark"\nPrivate,a.wav,Bus\n')
    truth = read_truth(path, VOCABULARY)
    assert truth.columns.tolist() == ["fname", "labels"]
    assert truth.fname.tolist() == ["b.wav", "a.wav"]
    assert truth.labels.tolist() == [("Bark", "Gong"), ("Bus",)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fname,label\na.wav,Bus\n", "expected the columns fname and labels, received fname, label"),
        ("fname,labels\na.wav,Bos\n", r"a\.wav: unknown label 'Bos'.*'Bus'"),
        ("fname,labels\na.wav,Bus\na.wav,Bus\n", r"more than once: a\.wav"),
        ("fname,labels\na.wav,Bus\na,Bus\n", r"more than once: a\.wav"),
        ("fname,labels\n../a.wav,Bus\n", "line 2: expected the name of a file"),
        ("fname;labels\na.wav;Bus\n", "line 1: cells separated by semicolons"),
        ('fname,labels\na.wav,"Bus\n', "line 2: cannot be read as CSV: a quote is opened there"),
    ],
)
def test_a_truth_that_cannot_be_used_is_refused(tmp_path, text, message):
    with pytest.raises(DataError, match=rf"t\.csv[:,].*{message}"):
        read_truth(write(tmp_path / "t.csv", text), VOCABULARY)


def test_a_name_that_a_spreadsheet_would_run_is_written_as_it_is_and_told_of(tmp_path, caplog):
    write_submission(tmp_path / "s.csv", ["=cmd.wav"], np.array([[0.5, 0.25]]), Vocabulary(("Bark", "Meow")))
    assert (tmp_path / "s.csv").read_text() == "fname,Bark,Meow\n=cmd.wav,0.5,0.25\n"
    assert "s.csv: a spreadsheet would read names as formulas ('=cmd.wav')" in caplog.text
