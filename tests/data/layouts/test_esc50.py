from fat2019.data.data_set import find_data_set
from tests import mock_data_sets as mocks


def test_clips_have_their_fold_and_the_recording_they_were_taken_from(tmp_path):
    data = find_data_set(mocks.esc50(tmp_path))
    assert data.vocabulary.names == ("dog", "rooster")
    assert {clip.split for clip in data.clips} == {"curated"}
    clip = next(clip for clip in data.clips if clip.fname == "3-100031-B-1.wav")
    assert (clip.labels, clip.fold, clip.group) == (("rooster",), "3", "100031")
    assert clip.path == tmp_path / "audio/3-100031-B-1.wav"


def test_audio_without_a_row_is_left_out(tmp_path):
    mocks.write_audio(mocks.esc50(tmp_path) / "audio/own.wav")
    assert find_data_set(tmp_path).left_out == (("own.wav", "no row in esc50.csv"),)
