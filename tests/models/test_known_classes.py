import keras
import numpy as np
import pytest

from fat2019.config.model import ModelConfig
from fat2019.errors import DataError
from fat2019.models.backbones.yamnet import class_names, other_names
from fat2019.models.known_classes import KnownClasses, same_classes
from fat2019.models.networks import build
from tests.oracles import yamnet as oracle

NAMES = ("dog_bark", "Hum of nothing", "walk_and_footsteps")


@pytest.fixture(scope="module")
def model(yamnet_weights):
    return build(ModelConfig("yamnet", "stages", str(yamnet_weights), known_classes=0.5), 3, (96, 64), NAMES)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("Bark", "Bark"),
        ("chirp_AND_tweet", "Chirp, tweet"),
        ("Waves (surf)", "Waves, surf"),
        ("church_bells", "Church bell"),
        ("sneezing", "Sneeze"),
        ("crying_baby", "Baby cry, infant cry"),
        ("gun_shot", "Gunshot, gunfire"),
        ("rooster", "Chicken, rooster"),
        ("Bass_drum", "Bass drum"),  # and not "Drum and bass"
        ("drum_and_bass", "Drum and bass"),
    ],
)
def test_a_class_is_known_by_the_name_however_it_is_written(name, theirs):
    assert same_classes([name], class_names()) == {0: class_names().index(theirs)}


@pytest.mark.parametrize("name", ["", "17", "dog_bark", "vocalization", "drums bass"])
def test_a_name_that_is_no_class_or_stands_for_several_is_unknown(name):
    assert same_classes([name], class_names()) == {}


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("dog_bark", "Bark"),
        ("Barking dog", "Bark"),
        ("door_wood_knock", "Knock"),
        ("sea_waves", "Waves, surf"),
        ("keyboard_typing", "Computer keyboard"),
    ],
)
def test_a_class_is_known_by_what_data_sets_call_it(name, theirs):
    assert same_classes([name], class_names(), other_names()) == {0: class_names().index(theirs)}


def test_other_names_are_of_classes_that_there_are_and_not_names_of_classes_themselves():
    assert set(other_names().values()) <= set(class_names())
    assert same_classes(list(other_names()), class_names()) == {}
    assert len(same_classes(list(other_names()), class_names(), other_names())) == len(other_names())


def test_every_class_is_known_by_its_own_name():
    assert same_classes(class_names(), class_names()) == {index: index for index in range(521)}


def test_known_classes_get_their_share_of_the_networks_own_logits(model, yamnet_arrays):
    windows = np.random.default_rng(1).normal(-3, 2, (4, 96, 64, 1)).astype(np.float32)
    _, own = oracle.embedding_and_scores(windows[..., 0], yamnet_arrays)
    logits = np.log(own / (1 - own))[:, [class_names().index("Bark"), class_names().index("Walk, footsteps")]]
    expected = np.full((4, 3), -3.0)  # the head as it begins
    expected[:, [0, 2]] += 0.5 * np.maximum(logits + 8, 0)
    np.testing.assert_allclose(model(windows, training=False), 1 / (1 + np.exp(-expected)), rtol=1e-3)
    np.testing.assert_allclose(model(windows, training=True), 1 / (1 + np.exp(3)), rtol=1e-5)


def test_training_leaves_them_as_they_are_and_a_saved_network_has_them(model, tmp_path):
    layer = model.get_layer("known_classes")
    before = layer.get_weights()
    assert not layer.trainable_weights
    model.compile("sgd", "binary_crossentropy")
    windows = np.random.default_rng(1).normal(-3, 2, (4, 96, 64, 1)).astype(np.float32)
    model.train_on_batch(windows, np.eye(4, 3, dtype=np.float32))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", compile=False)
    assert isinstance(again.get_layer("known_classes"), KnownClasses)
    for one, other in zip(before, again.get_layer("known_classes").get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(again(windows), model(windows), rtol=1e-6)


def test_weights_without_the_networks_own_classes_are_refused(model, tmp_path):
    path = tmp_path / "own.weights.h5"
    build(ModelConfig("yamnet", weights="none"), 3, (96, 64)).get_layer("yamnet").save_weights(path)
    with pytest.raises(DataError, match=r"own classes is not in it; give Google's yamnet.h5, or --known-classes 0"):
        build(ModelConfig("yamnet", weights=str(path), known_classes=0.5), 3, (96, 64), NAMES)


@pytest.mark.parametrize("model", [{"name": "compact"}, {"name": "yamnet", "weights": "none"}])
def test_networks_without_classes_of_their_own_take_no_weight_of_them(model):
    with pytest.raises(DataError, match="known_classes: expected 0"):
        ModelConfig(known_classes=0.1, **model)
