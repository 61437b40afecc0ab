"""What holds for every layout, and how one is chosen."""

import pytest

from fat2019.config.features import FeatureConfig
from fat2019.data.data_set import find_data_set
from fat2019.data.layouts import layouts
from fat2019.errors import DataError
from fat2019.store.building.builder import build_features
from fat2019.store.reader import FeatureStore
from tests import mock_data_sets as mocks

MOCKS = {
    "esc50": mocks.esc50,
    "urbansound8k": mocks.urbansound8k,
    "fsd50k": mocks.fsd50k,
    "fsdkaggle2018": mocks.fsdkaggle2018,
    "audiofolder": mocks.audiofolder,
    "folders": mocks.folders,
}


def refusal(root, **options):
    with pytest.raises(DataError) as caught:
        find_data_set(root, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_registry_has_every_layout_by_name():
    assert set(layouts()) == {*MOCKS, "kaggle", "zenodo", "table"}
    assert all(layout.name == name and layout.looks_like for name, layout in layouts().items())


@pytest.mark.parametrize("name", MOCKS)
def test_a_layout_is_found_by_looking_and_by_its_name(tmp_path, name):
    root = MOCKS[name](tmp_path)
    assert find_data_set(root).layout == name
    assert find_data_set(root) == find_data_set(root, layout=name)


@pytest.mark.parametrize("name", MOCKS)
def test_a_store_is_built_of_every_layout_with_its_clips_and_labels(tmp_path, name):
    data = find_data_set(MOCKS[name](tmp_path / "data"))
    summary = build_features(data, tmp_path / "store", FeatureConfig(), workers=1)
    assert summary.quarantined == () and summary.clips == len(data.clips)
    store = FeatureStore.open(tmp_path / "store")
    stored = store.clips.sort_values(["split", "fname"])
    assert stored["fname"].tolist() == [clip.fname for clip in data.clips]
    assert stored["labels"].tolist() == [
        tuple(name for name in store.vocabulary.names if name in clip.labels) for clip in data.clips
    ]


@pytest.mark.parametrize("name", MOCKS)
def test_clips_can_be_chosen_by_split(tmp_path, name):
    root = MOCKS[name](tmp_path)
    whole = find_data_set(root)
    part = find_data_set(root, splits=("curated",))
    assert part.vocabulary == whole.vocabulary
    assert part.clips == tuple(clip for clip in whole.clips if clip.split == "curated")


@pytest.mark.parametrize("name", ["esc50", "folders"])
def test_a_split_that_is_not_there_is_missed(tmp_path, name):
    assert "it has no test clips, which are asked for" in refusal(MOCKS[name](tmp_path), splits=("test",))


def test_an_unknown_layout_is_refused_with_the_near_one(tmp_path):
    message = refusal(mocks.folders(tmp_path), layout="esc-50")
    assert "expected one of" in message and "did you mean 'esc50'?" in message


def test_a_layout_that_does_not_fit_is_refused_with_what_was_looked_for(tmp_path):
    message = refusal(mocks.folders(tmp_path), layout="esc50")
    assert "not of the layout esc50" in message and "meta/esc50.csv" in message and "6 audio files" in message


def test_where_two_layouts_fit_one_is_to_be_chosen(tmp_path):
    mocks.folders(tmp_path)
    mocks.write_table(
        tmp_path / "labels.csv", ["filename", "label"], [["bark/000.wav", "loud"], ["meow/000.wav", "soft"]]
    )
    message = refusal(tmp_path)
    assert "folders or table" in message and "--layout" in message
    assert find_data_set(tmp_path, layout="folders").vocabulary.names == ("bark", "meow")
    assert find_data_set(tmp_path, layout="table").vocabulary.names == ("loud", "soft")


def test_what_no_layout_fits_is_told_what_was_looked_for_what_was_found_and_what_is_nearest(tmp_path):
    mocks.write_audio(tmp_path / "a.wav")
    mocks.write_table(tmp_path / "list.csv", ["recording", "what"], [["a.wav", "Dog"]])
    message = refusal(tmp_path)
    assert "looked for" in message and "found 0 folders, 1 audio files, 1 tables (list.csv)" in message
    assert "nearest" in message and "list.csv" in message and "--columns name=" in message


@pytest.mark.parametrize(
    ("missing", "words"), [("audio", "meta/esc50.csv is there, but no folder audio/"), ("meta", "audio")]
)
def test_half_of_a_data_set_is_named_as_the_nearest(tmp_path, missing, words):
    (mocks.esc50(tmp_path) / missing).rename(tmp_path.parent / f"{missing}-of-{tmp_path.name}")
    assert words in refusal(tmp_path)


def test_columns_are_for_tables_alone(tmp_path):
    assert "columns" in refusal(mocks.esc50(tmp_path), layout="esc50", columns={"name": "filename"})
    assert "expected some of name" in refusal(tmp_path, columns={"title": "filename"})


def test_a_label_in_another_case_is_refused_with_both_places(tmp_path):
    mocks.folders(tmp_path, ("Bark", "bark", "meow"))
    message = refusal(tmp_path)
    assert "'bark' looks like 'Bark'" in message
