import pytest

from fat2019.data.clip import VALIDATION_FOLD
from fat2019.data.data_set import find_data_set
from fat2019.errors import DataError
from tests import mock_data_sets as mocks


def audio(root, *names):
    for index, name in enumerate(names):
        mocks.write_audio(root / name, seed=index)
    return root


def refusal(root, **options):
    with pytest.raises(DataError) as caught:
        find_data_set(root, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["filename", "fname", "file", "path", "slice_file_name", "File_Name"])
@pytest.mark.parametrize("labels", ["label", "labels", "class", "category"])
def test_columns_are_found_by_their_usual_names(tmp_path, name, labels):
    audio(tmp_path, "a.wav", "b.wav")
    mocks.write_table(tmp_path / "any.csv", ["x", name, labels], [[1, "a.wav", "Dog,Cat"], [2, "b.wav", "Dog"]])
    data = find_data_set(tmp_path)
    assert data.layout == "table"
    assert [(clip.fname, clip.labels) for clip in data.clips] == [("a.wav", ("Cat", "Dog")), ("b.wav", ("Dog",))]


def test_columns_of_other_names_are_named(tmp_path):
    audio(tmp_path, "a.wav")
    mocks.write_table(tmp_path / "t.csv", ["clip", "heard", "site", "label"], [["a.wav", "Dog", "north", "?"]])
    clip = find_data_set(tmp_path, columns={"name": "clip", "labels": "heard", "group": "site"}).clips[0]
    assert (clip.fname, clip.labels, clip.group) == ("a.wav", ("Dog",), "north")
    assert "no column 'tags' in its header" in refusal(tmp_path, columns={"name": "clip", "labels": "tags"})


@pytest.mark.parametrize("cell", ["a.wav", "a", "clips/a.wav", "clips\\a.wav", "./clips/a.wav"])
def test_the_table_may_be_beside_or_above_the_audio(tmp_path, cell):
    audio(tmp_path / "sounds", "clips/a.wav", "clips/b.wav")
    rows = [[cell, "Dog"], ["b.wav", "Cat"]]
    for place in ("", "sounds", "sounds/clips", "meta"):
        path = mocks.write_table(tmp_path / place / "labels.csv", ["file", "label"], rows)
        clips = {clip.labels: clip for clip in find_data_set(tmp_path).clips}
        assert clips["Dog",].path == tmp_path / "sounds/clips/a.wav"
        assert clips["Dog",].fname == ("clips__a.wav" if "clips" in cell else "a.wav")
        path.unlink()


def test_json_lines_and_tabs_are_read_too(tmp_path):
    audio(tmp_path, "a.flac", "b.flac")
    records = [{"file": "a.flac", "labels": ["Dog", "Cat"], "fold": 2}, {"file": "b.flac", "labels": "Dog"}]
    path = mocks.write_json_lines(tmp_path / "labels.jsonl", records)
    data = find_data_set(tmp_path)
    assert [(clip.labels, clip.fold) for clip in data.clips] == [(("Cat", "Dog"), "2"), (("Dog",), "")]
    path.unlink()
    (tmp_path / "labels.tsv").write_text("file\tlabel\na.flac\tDog, Cat\nb\tDog\n")
    assert [clip.labels for clip in find_data_set(tmp_path).clips] == [("Cat", "Dog"), ("Dog",)]


def test_columns_of_splits_folds_and_groups_are_kept(tmp_path):
    audio(tmp_path, "a.wav", "b.wav", "c.wav")
    rows = [["a.wav", "Dog", "train", "1"], ["b.wav", "Dog", "valid", "2"], ["c.wav", "Dog", "TEST", "3"]]
    mocks.write_table(tmp_path / "t.csv", ["file", "label", "split", "speaker"], rows)
    assert [(clip.split, clip.fold, clip.group) for clip in find_data_set(tmp_path).clips] == [
        ("curated", "", "1"),
        ("curated", VALIDATION_FOLD, "2"),
        ("test", "", "3"),
    ]
    rows[0][2] = "other"
    mocks.write_table(tmp_path / "t.csv", ["file", "label", "split", "speaker"], rows)
    assert "line 2: split: expected train, validation, test or the like, received 'other'" in refusal(tmp_path)


def test_a_table_for_each_part_makes_splits(tmp_path):
    audio(tmp_path, "a.wav", "b.wav")
    mocks.write_table(tmp_path / "train_labels.csv", ["file", "label"], [["a.wav", "Dog"]])
    mocks.write_table(tmp_path / "test_labels.csv", ["file", "label"], [["b.wav", "Cat"]])
    assert [(clip.fname, clip.split) for clip in find_data_set(tmp_path).clips] == [
        ("a.wav", "curated"),
        ("b.wav", "test"),
    ]


def test_two_tables_that_are_no_parts_are_refused(tmp_path):
    audio(tmp_path, "a.wav")
    for name in ("old.csv", "new.csv"):
        mocks.write_table(tmp_path / name, ["file", "label"], [["a.wav", "Dog"]])
    assert "new.csv and old.csv both look like the table" in refusal(tmp_path)


def test_a_name_that_fits_two_files_is_refused_with_its_line(tmp_path):
    audio(tmp_path, "one/a.wav", "two/a.wav")
    mocks.write_table(tmp_path / "t.csv", ["file", "label"], [["two/a.wav", "Dog"], ["a.wav", "Dog"]])
    assert "t.csv, line 3: a.wav fits one/a.wav and two/a.wav" in refusal(tmp_path, layout="table")


@pytest.mark.parametrize("cell", ["../a.wav", "/data/a.wav", "C:/data/a.wav"])
def test_a_path_that_leaves_the_folder_is_refused(tmp_path, cell):
    audio(tmp_path, "a.wav")
    mocks.write_table(tmp_path / "t.csv", ["file", "label"], [["a.wav", "Dog"], [cell, "Dog"]])
    assert "line 3: expected a path below the data set's folder" in refusal(tmp_path)


def test_audio_without_a_row_is_left_out(tmp_path):
    audio(tmp_path, "a.wav", "b.wav")
    mocks.write_table(tmp_path / "t.csv", ["file", "label"], [["a.wav", "Dog"]])
    assert find_data_set(tmp_path).left_out == (("b.wav", "no row in t.csv"),)


def test_a_table_in_semicolons_is_named_with_its_line(tmp_path):
    audio(tmp_path, "a.wav")
    (tmp_path / "t.csv").write_text("file;label\na.wav;Dog\n")
    assert "t.csv, line 1: cells separated by semicolons" in refusal(tmp_path)
