"""The rows of tables of labels, each checked."""

import pytest

from fat2019.data.data_set import find_data_set
from tests.data.folders import HEADER, curated, kaggle, refusal, write


def test_audio_without_a_row_is_left_out_and_said_so(tmp_path):
    data = find_data_set(curated(tmp_path, "a.wav,Bark\n", ["a.wav", "extra.wav", "._a.wav", "notes.txt"]))
    assert [clip.fname for clip in data.clips] == ["a.wav"]
    assert data.left_out == (("extra.wav", "no row in train_curated.csv"),)


def test_names_may_lack_the_suffix_or_have_that_of_another_format(tmp_path):
    audio = ["a.wav", "b.flac", "c.OGG", "d.mp3", "e.1.wav"]
    data = find_data_set(curated(tmp_path, "a,X\nb.flac,X\nc.OGG,X\nd.mp3,X\ne.1,X\n", audio))
    assert [clip.fname for clip in data.clips] == audio


def test_columns_are_found_by_name_not_by_place(tmp_path):
    curated(tmp_path, "")
    write(tmp_path, {"train_curated.csv": "license,labels,fname\nCC0,Bark,a.wav\n"})
    assert find_data_set(tmp_path).clips[0].labels == ("Bark",)


def test_rows_without_files_are_counted_and_the_first_three_named(tmp_path):
    curated(tmp_path, "a.wav,X\n" + "".join(f"m{index}.wav,X\n" for index in range(4)))
    message = refusal(tmp_path)
    assert "4 of 5 rows" in message and "(m0.wav, m1.wav, m2.wav, ...)" in message
    assert "train_curated.csv" in message


def test_a_label_outside_the_vocabulary_is_named_with_its_line(tmp_path):
    write(kaggle(tmp_path), {"train_noisy.csv": HEADER + "n.wav,Meew\n"})
    message = refusal(tmp_path)
    assert "train_noisy.csv, line 2" in message and "'Meew'" in message and "n.wav" in message


@pytest.mark.parametrize(
    "name", ["../a.wav", "/etc/a.wav", "sub/a.wav", "..\\a.wav", "C:\\a.wav", "a\0.wav", "..", ".", ""]
)
def test_a_name_that_leaves_its_folder_is_refused(tmp_path, name):
    curated(tmp_path, f"a.wav,X\n{name},X\n")
    assert "line 3: expected the name of a file" in refusal(tmp_path)


@pytest.mark.parametrize("again", ["a.wav", "a"])
def test_a_file_may_have_one_row_only(tmp_path, again):
    assert "line 3: a.wav has a row already" in refusal(curated(tmp_path, f"a.wav,X\n{again},Y\n"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,labels\na.wav,X\n", "no column fname"),
        ("fname,tags\na.wav,X\n", "no column labels"),
        ("fname;labels\na.wav;X\n", "semicolons"),
        ("a.wav,X\n", "no column fname and no column labels"),
        ("", "an empty file"),
        ("\n\n", "an empty file"),
        (HEADER, "a header without rows"),
        (HEADER + "a.wav,\n", "line 2: a.wav has no labels"),
        (HEADER + 'a.wav," , "\n', "line 2: a.wav has no labels"),
        (HEADER + "a.wav,X,Y\n", "line 2: expected 2 cells, received 3"),
        (HEADER + "a.wav\n", "line 2: expected 2 cells, received 1"),
        (HEADER + 'a.wav,"X\n', "cannot be read as CSV"),
        (HEADER.encode() + b"a.wav,Caf\xe9\n", "not UTF-8"),
        ("fname,labels\na.wav,X\n".encode("utf-16"), "not UTF-8"),
    ],
)
def test_a_broken_csv_is_named_with_what_is_wrong(tmp_path, text, words):
    curated(tmp_path, "")
    message = refusal(write(tmp_path, {"train_curated.csv": text}))
    assert words in message and "train_curated.csv" in message
