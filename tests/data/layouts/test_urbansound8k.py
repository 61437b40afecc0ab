import shutil

import pytest

from fat2019.data.data_set import find_data_set
from fat2019.errors import DataError
from tests import mock_data_sets as mocks


def test_clips_lie_in_the_folder_of_their_fold_and_keep_their_recording(tmp_path):
    data = find_data_set(mocks.urbansound8k(tmp_path))
    assert data.vocabulary.names == ("dog_bark", "siren")
    assert len(data.clips) == 40 and {clip.fold for clip in data.clips} == {str(fold) for fold in range(1, 11)}
    clip = next(clip for clip in data.clips if clip.fname == "10008-8-0-4.wav")
    assert (clip.labels, clip.fold, clip.group) == (("siren",), "10", "10008")
    assert clip.path == tmp_path / "audio/fold10/10008-8-0-4.wav"


def test_a_fold_without_its_folder_is_missed(tmp_path):
    shutil.rmtree(mocks.urbansound8k(tmp_path) / "audio/fold7")
    with pytest.raises(DataError, match=r"UrbanSound8K.csv: no folder .*audio/fold7 for its fold 7"):
        find_data_set(tmp_path)
