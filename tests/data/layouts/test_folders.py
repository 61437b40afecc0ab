import pytest

from fat2019.data.clip import VALIDATION_FOLD
from fat2019.data.data_set import find_data_set
from fat2019.errors import DataError
from tests import mock_data_sets as mocks


def labels_of(root):
    return {clip.fname: clip.labels for clip in find_data_set(root).clips}


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_files_of_equal_names_in_two_folders_are_told_apart_by_their_paths(tmp_path, suffix):
    assert labels_of(mocks.folders(tmp_path, clips=1, suffix=suffix)) == {
        f"bark__000{suffix}": ("bark",),
        f"meow__000{suffix}": ("meow",),
    }


def test_folders_within_a_class_are_no_classes(tmp_path):
    mocks.write_audio(mocks.folders(tmp_path, clips=1) / "bark/old/000.wav")
    assert labels_of(tmp_path) == {
        "bark__000.wav": ("bark",),
        "bark__old__000.wav": ("bark",),
        "meow__000.wav": ("meow",),
    }


def test_classes_may_lie_in_folders_of_kinds(tmp_path):
    mocks.folders(tmp_path / "animals", ("dog", "cat"), clips=1)
    mocks.folders(tmp_path / "vehicles", ("car",), clips=1)
    assert labels_of(tmp_path) == {
        "animals__cat__000.wav": ("cat",),
        "animals__dog__000.wav": ("dog",),
        "vehicles__car__000.wav": ("car",),
    }


def test_folders_that_repeat_in_each_class_are_no_classes(tmp_path):
    for name in ("bark", "meow"):
        mocks.folders(tmp_path / name, ("session1", "session2"), clips=1)
    assert set(labels_of(tmp_path).values()) == {("bark",), ("meow",)}


def test_all_may_lie_one_folder_deeper(tmp_path):
    mocks.folders(tmp_path / "sounds")
    assert find_data_set(tmp_path).vocabulary.names == ("bark", "meow")


def test_parts_come_before_classes(tmp_path):
    for part in ("train", "val", "test"):
        mocks.folders(tmp_path / part, clips=1)
    data = find_data_set(tmp_path)
    assert data.vocabulary.names == ("bark", "meow")
    assert [(clip.fname, clip.split, clip.fold) for clip in data.clips if clip.labels == ("bark",)] == [
        ("train__bark__000.wav", "curated", ""),
        ("val__bark__000.wav", "curated", VALIDATION_FOLD),
        ("test__bark__000.wav", "test", ""),
    ]


def test_test_clips_may_have_no_folders_of_classes(tmp_path):
    mocks.folders(tmp_path / "train", clips=1)
    mocks.write_audio(tmp_path / "test/a.wav")
    assert labels_of(tmp_path)["test__a.wav"] == ()


def test_a_class_may_be_called_train(tmp_path):
    assert find_data_set(mocks.folders(tmp_path, ("train", "car"))).vocabulary.names == ("car", "train")


def test_audio_outside_of_any_class_and_other_files_are_named(tmp_path):
    mocks.write_audio(mocks.folders(tmp_path) / "stray.wav")
    (tmp_path / "bark/notes.txt").write_text("x")
    data = find_data_set(tmp_path)
    assert data.left_out == (("stray.wav", "not in the folder of a class"),)
    assert data.notes == ("passed over 1 file without a suffix of audio: .txt (1), for instance bark/notes.txt",)


def test_hidden_folders_and_files_are_passed_over(tmp_path):
    mocks.folders(tmp_path)
    mocks.write_audio(tmp_path / ".trash/gong/000.wav")
    mocks.write_audio(tmp_path / "bark/._000.wav")
    data = find_data_set(tmp_path)
    assert len(data.clips) == 6 and data.left_out == () and data.notes == ()


def test_links_to_folders_are_followed_once(tmp_path):
    mocks.folders(tmp_path / "data")
    mocks.folders(tmp_path / "elsewhere", ("gong",))
    (tmp_path / "data/gong").symlink_to(tmp_path / "elsewhere/gong")
    (tmp_path / "data/bark/again").symlink_to(tmp_path / "data")
    assert find_data_set(tmp_path / "data").vocabulary.names == ("bark", "gong", "meow")
    assert len(find_data_set(tmp_path / "data").clips) == 9


def test_one_folder_is_no_classes(tmp_path):
    mocks.folders(tmp_path, ("audio",))
    with pytest.raises(DataError, match="nearest: audio in audio alone, not by classes"):
        find_data_set(tmp_path)


def test_a_class_name_with_a_comma_is_refused(tmp_path):
    mocks.folders(tmp_path, ("bark, loud", "meow"))
    with pytest.raises(DataError, match="must not hold a comma"):
        find_data_set(tmp_path)


def test_two_paths_of_one_name_are_refused(tmp_path):
    mocks.folders(tmp_path, ("a", "b"), clips=1)
    mocks.write_audio(tmp_path / "a/x__000.wav")
    mocks.write_audio(tmp_path / "a/x/000.wav")
    with pytest.raises(DataError, match=r"would both be called a__x__000.wav"):
        find_data_set(tmp_path)
