"""What a data set says of itself."""

from fat2019.data.data_set import find_data_set
from tests import mock_data_sets as mocks


def test_what_is_found_is_described_with_the_rarest_classes(tmp_path):
    mocks.write_audio(mocks.folders(tmp_path) / "gong/000.wav")
    text = find_data_set(tmp_path).describe()
    assert "layout folders, 7 clips, 3 classes; the rarest: gong (1), bark (3), meow (3)" in text
