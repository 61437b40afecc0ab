"""The listing of data sets, on folders of empty files: audio is never opened here."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from fat2019.data.data_set import KNOWN_BAD, Clip, find_data_set
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


def test_the_zenodo_layout_is_read_with_test_labels_and_usage(tmp_path):
    data = find_data_set(zenodo(tmp_path))
    assert data.layout == "zenodo"
    assert data.vocabulary.names == ("Bark", "Gong", "Meow")
    assert [(clip.split, clip.fname, clip.labels, clip.usage) for clip in data.clips] == [
        ("curated", "a.wav", ("Bark",), ""),
        ("noisy", "n.wav", ("Bark", "Gong"), ""),
        ("test", "t.wav", ("Meow",), "Public"),
        ("test", "u.wav", ("Bark",), "Private"),
    ]
    assert data.clips[2].path == tmp_path / "FSDKaggle2019.audio_test/t.wav"
    assert data.sample_submission is None


def test_a_table_under_another_name_is_missed_by_the_name_it_should_have(tmp_path):
    (curated(tmp_path, "a.wav,Bark\n") / "train_curated.csv").rename(tmp_path / "train.csv")
    expected = f"{tmp_path}/train_curated.csv: no such file, though there is a folder of audio for it"
    assert refusal(tmp_path) == expected


def test_test_clips_alone_without_a_sample_have_no_classes(tmp_path):
    write(tmp_path, audio=["test/t.wav"])
    expected = f"{tmp_path}/sample_submission.csv: no such file, nor a table of labels, to take the classes from"
    assert refusal(tmp_path, splits=("test",)) == expected


def test_a_zenodo_data_set_without_its_meta_folder_is_told_what_is_missing(tmp_path):
    shutil.rmtree(zenodo(tmp_path) / f"{ZENODO}meta")
    assert refusal(tmp_path).startswith(f"{tmp_path}/{ZENODO}meta/train_curated_post_competition.csv: no such file")
    assert "test_post_competition.csv: no such file" in refusal(tmp_path, splits=("test",))


@pytest.mark.parametrize(
    "text", ["index,name,mid\n0,Bark,/m/1\n1,Gong,/m/2\n2,Meow,/m/3\n", "0,Bark,/m/1\n1,Gong,/m/2\n2,Meow,/m/3\n"]
)
def test_the_zenodo_vocabulary_may_have_a_header_and_more_columns(tmp_path, text):
    write(zenodo(tmp_path), {f"{ZENODO}meta/vocabulary.csv": text})
    assert find_data_set(tmp_path).vocabulary.names == ("Bark", "Gong", "Meow")


@pytest.mark.parametrize("text", ["Bark\nGong\nMeow\n", "0\n1\n2\n", "0,Bark\n2,Gong\n", "0,Bark\n0,Bark\n"])
def test_a_zenodo_vocabulary_that_is_not_counted_from_zero_is_refused(tmp_path, text):
    write(zenodo(tmp_path), {f"{ZENODO}meta/vocabulary.csv": text})
    assert "vocabulary.csv, line" in refusal(tmp_path)


def test_a_data_set_may_have_curated_clips_alone_and_takes_its_vocabulary_from_them(tmp_path):
    rows, audio = "a.wav,zebra\nb.wav,Owl\nc.wav,Asp\n", ["a.wav", "b.wav", "c.wav"]
    data = find_data_set(curated(tmp_path, rows, audio))
    assert data.vocabulary.names == ("Asp", "Owl", "zebra")
    assert {clip.split for clip in data.clips} == {"curated"}
    assert data.sample_submission is None


def test_the_vocabulary_does_not_depend_on_the_parts_wanted(tmp_path):
    (kaggle(tmp_path) / "sample_submission.csv").unlink()
    everything = find_data_set(tmp_path)
    part = find_data_set(tmp_path, splits=("noisy",))
    assert part.vocabulary == everything.vocabulary
    assert [clip.fname for clip in part.clips] == ["n.wav"]


def test_a_part_is_there_when_its_folder_is_even_if_its_csv_came_alone(tmp_path):
    folder = zenodo(tmp_path) / f"{ZENODO}audio_train_noisy"
    (folder / "n.wav").unlink()
    folder.rmdir()
    assert {clip.split for clip in find_data_set(tmp_path).clips} == {"curated", "test"}


def test_a_part_asked_for_must_be_there(tmp_path):
    curated(tmp_path, "a.wav,Bark\n")
    message = refusal(tmp_path, splits=("curated", "noisy"))
    assert "train_noisy" in message and "no such folder" in message
    assert "'noise'" in refusal(tmp_path, splits=("noise",))


def test_test_clips_alone_can_be_asked_for(tmp_path):
    write(tmp_path, {"sample_submission.csv": "fname,Bark\nt.wav,0\n"}, ["test/t.wav"])
    assert [clip.fname for clip in find_data_set(tmp_path, splits=("test",)).clips] == ["t.wav"]
    assert "no clips with labels" in refusal(tmp_path)


def test_known_bad_curated_clips_are_left_out_unless_kept(tmp_path):
    names = sorted(KNOWN_BAD)
    curated(tmp_path, "a.wav,Bark\n" + "".join(f"{name},Bark\n" for name in names), ["a.wav", *names])
    data = find_data_set(tmp_path)
    assert [clip.fname for clip in data.clips] == ["a.wav"]
    assert sorted(data.left_out) == [(name, "known to be wrongly labelled") for name in names]
    assert len(names) == 5
    kept = find_data_set(tmp_path, keep_known_bad=True)
    assert len(kept.clips) == 6 and kept.left_out == ()


def test_a_known_bad_clip_may_have_been_deleted_already(tmp_path):
    curated(tmp_path, "a.wav,Bark\nf76181c4.wav,Bark\n")
    assert [clip.fname for clip in find_data_set(tmp_path).clips] == ["a.wav"]
    assert "f76181c4.wav" in refusal(tmp_path, keep_known_bad=True)


def test_noisy_clips_of_the_same_name_as_known_bad_ones_stay(tmp_path):
    name = min(KNOWN_BAD)
    write(tmp_path, {"train_noisy.csv": f"{HEADER}{name},Bark\n"}, [f"train_noisy/{name}"])
    assert [clip.fname for clip in find_data_set(tmp_path).clips] == [name]


def test_audio_without_a_row_is_left_out_and_said_so(tmp_path):
    data = find_data_set(curated(tmp_path, "a.wav,Bark\n", ["a.wav", "extra.wav", "._a.wav", "notes.txt"]))
    assert [clip.fname for clip in data.clips] == ["a.wav"]
    assert data.left_out == (("extra.wav", "no row in train_curated.csv"),)


def test_names_may_lack_the_suffix_or_have_that_of_another_format(tmp_path):
    audio = ["a.wav", "b.flac", "c.OGG", "d.mp3", "e.1.wav"]
    data = find_data_set(curated(tmp_path, "a,X\nb.flac,X\nc.OGG,X\nd.mp3,X\ne.1,X\n", audio))
    assert [clip.fname for clip in data.clips] == audio


def test_blank_lines_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path):
    curated(tmp_path, "", ["a.wav", "b.wav"])
    text = '\ufefffname,labels\r\na.wav,Bark\r\n\r\nb.wav,"Meow, Bark"\r\n'
    write(tmp_path, {"train_curated.csv": text})
    assert [clip.labels for clip in find_data_set(tmp_path).clips] == [("Bark",), ("Bark", "Meow")]


def test_columns_are_found_by_name_not_by_place(tmp_path):
    curated(tmp_path, "")
    write(tmp_path, {"train_curated.csv": "license,labels,fname\nCC0,Bark,a.wav\n"})
    assert find_data_set(tmp_path).clips[0].labels == ("Bark",)


def test_a_missing_folder_and_a_file_in_its_place_are_told_apart(tmp_path):
    assert "no such folder" in refusal(tmp_path / "nowhere")
    write(tmp_path, {"train_curated.csv": HEADER})
    assert "a file, where" in refusal(tmp_path / "train_curated.csv")


def test_a_folder_of_neither_layout_is_told_what_was_looked_for(tmp_path):
    message = refusal(tmp_path)
    assert "train_curated/" in message and "FSDKaggle2019.audio_train_curated/" in message


def test_a_data_set_one_level_deeper_is_pointed_at(tmp_path):
    zenodo(tmp_path / "fsd")
    assert f"one level deeper: {tmp_path / 'fsd'}" in refusal(tmp_path)


def test_archives_are_to_be_unzipped_first(tmp_path):
    write(tmp_path, {"train_curated.csv": HEADER}, ["train_curated.zip", "train_noisy.zip"])
    assert "unzip train_curated.zip -d train_curated" in refusal(tmp_path)


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


def test_a_folder_of_audio_needs_its_csv(tmp_path):
    (kaggle(tmp_path) / "train_noisy.csv").unlink()
    message = refusal(tmp_path)
    assert "train_noisy.csv: no such file" in message


def test_a_folder_in_the_place_of_a_csv_is_refused(tmp_path):
    path = kaggle(tmp_path) / "train_noisy.csv"
    path.unlink()
    path.mkdir()
    assert "train_noisy.csv: cannot be read" in refusal(tmp_path)


def test_an_audio_folder_without_audio_is_refused(tmp_path):
    (kaggle(tmp_path) / "test/t.wav").unlink()
    assert "test: no audio files" in refusal(tmp_path)


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
