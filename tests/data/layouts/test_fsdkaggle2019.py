"""What both editions of FSDKaggle2019 have in common."""

from fat2019.data.data_set import KNOWN_BAD, find_data_set
from tests.data.folders import HEADER, ZENODO, curated, kaggle, refusal, write, zenodo


def test_a_table_under_another_name_is_missed_by_the_name_it_should_have(tmp_path):
    (curated(tmp_path, "a.wav,Bark\n") / "train_curated.csv").rename(tmp_path / "train.csv")
    expected = f"{tmp_path}/train_curated.csv: no such file, though there is a folder of audio for it"
    assert refusal(tmp_path) == expected


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


def test_a_folder_of_audio_needs_its_csv(tmp_path):
    (kaggle(tmp_path) / "train_noisy.csv").unlink()
    message = refusal(tmp_path)
    assert "train_noisy.csv: no such file" in message
