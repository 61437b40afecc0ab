"""The folder of a data set, listed."""

import pytest

from fat2019.data.tree import Tree, base_name, parent
from tests.data.folders import HEADER, kaggle, refusal, write


def test_a_missing_folder_and_a_file_in_its_place_are_told_apart(tmp_path):
    assert "no such folder" in refusal(tmp_path / "nowhere")
    write(tmp_path, {"train_curated.csv": HEADER})
    assert "a file, where" in refusal(tmp_path / "train_curated.csv")


def test_an_audio_folder_without_audio_is_refused(tmp_path):
    (kaggle(tmp_path) / "test/t.wav").unlink()
    assert "test: no audio files" in refusal(tmp_path)


def test_hidden_names_are_passed_over_and_links_to_folders_followed_once(tmp_path):
    for name in ("b/x.wav", "b/c/y.FLAC", "labels.csv", "notes.txt", ".hidden.wav", ".git/z.wav", "b/._x.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b" / "again").symlink_to(tmp_path / "b")
    tree = Tree(tmp_path)
    assert tree.top == ("b", "labels.csv", "notes.txt")
    assert tree.files == ("b/c/y.FLAC", "b/x.wav", "labels.csv", "notes.txt")
    assert tree.audio == ("b/c/y.FLAC", "b/x.wav") and tree.tables == ("labels.csv",)
    assert tree.known == {*tree.audio, *tree.tables}
    assert tree.has_folder("b/c") and not tree.has_folder("labels.csv")
    assert tree.has_file("b/x.wav") and not tree.has_file("b")


@pytest.mark.parametrize(("path", "folder", "name"), [("a/b/c.wav", "a/b", "c.wav"), ("c.wav", "", "c.wav")])
def test_a_relative_path_is_a_folder_and_a_name(path, folder, name):
    assert (parent(path), base_name(path)) == (folder, name)
