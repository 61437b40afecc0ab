"""A folder of sounds is built into a store once, and a store is taken as it is."""

from pathlib import Path

from fat2019.data.data_set import find_data_set
from fat2019.experiments.sounds import build_store, is_store, store_place


def test_a_folder_is_built_into_a_store_of_its_name_and_not_again(tiny_data, tmp_path):
    place = store_place(tiny_data, features=tmp_path / "features")
    assert place == tmp_path / "features" / tiny_data.name and not is_store(place)
    told = []
    first = build_store(find_data_set(tiny_data), place, "report", lambda done, total: told.append((done, total)))
    assert is_store(place) and first.clips == 40 and told[-1][0] == told[-1][1]
    assert build_store(find_data_set(tiny_data), place, "report").up_to_date


def test_unusual_features_have_a_store_beside_the_usual_ones():
    assert store_place(Path("sounds/dogs"), "yamnet") == Path("features/dogs-yamnet")


def test_a_store_is_known_as_one(store, tiny_data):
    assert is_store(store.path) and not is_store(tiny_data)


def test_the_root_has_a_name_too():
    assert store_place(Path("/")).name == "sounds"
