"""The listing of data sets, on folders of empty files: audio is never opened here."""

from fat2019.data.data_set import find_data_set
from tests.data.folders import HEADER, curated, kaggle, refusal, write, zenodo


def test_blank_lines_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path):
    curated(tmp_path, "", ["a.wav", "b.wav"])
    text = '\ufefffname,labels\r\na.wav,Bark\r\n\r\nb.wav,"Meow, Bark"\r\n'
    write(tmp_path, {"train_curated.csv": text})
    assert [clip.labels for clip in find_data_set(tmp_path).clips] == [("Bark",), ("Bark", "Meow")]


def test_a_folder_of_neither_layout_is_told_what_was_looked_for(tmp_path):
    message = refusal(tmp_path)
    assert "train_curated/" in message and "FSDKaggle2019.audio_train_curated/" in message


def test_a_data_set_one_level_deeper_is_pointed_at(tmp_path):
    zenodo(tmp_path / "fsd")
    assert f"one level deeper: {tmp_path / 'fsd'}" in refusal(tmp_path)


def test_archives_are_to_be_unzipped_first(tmp_path):
    write(tmp_path, {"train_curated.csv": HEADER}, ["train_curated.zip", "train_noisy.zip"])
    assert "unzip train_curated.zip -d train_curated" in refusal(tmp_path)


def test_a_folder_in_the_place_of_a_csv_is_refused(tmp_path):
    path = kaggle(tmp_path) / "train_noisy.csv"
    path.unlink()
    path.mkdir()
    assert "train_noisy.csv: cannot be read" in refusal(tmp_path)
