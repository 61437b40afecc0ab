import keras
import numpy as np
import pytest
import tensorflow as tf

from fat2019.models.keras_metric import LwlrapMetric
from fat2019.scoring.metrics import lwlrap, lwlrap_per_class


def random_case(seed=0, clips=53, classes=9):
    """Scores with ties, and some clips without a label."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((clips, classes)) < 0.15).astype(np.float32)
    return truth, (rng.integers(0, 12, truth.shape) / 12).astype(np.float32)


def update_in_batches(metric, update, truth, scores, batch=8):
    for start in range(0, len(truth), batch):
        update(truth[start : start + batch], scores[start : start + batch])
    return float(metric.result())


@pytest.mark.parametrize(
    "wrap", [lambda f: f, tf.function, tf.function(jit_compile=True)], ids=["eager", "graph", "xla"]
)
def test_batches_one_by_one_give_the_score_of_all_clips(wrap):
    truth, scores = random_case()
    metric = LwlrapMetric(9)
    assert update_in_batches(metric, wrap(metric.update_state), truth, scores) == pytest.approx(
        lwlrap(truth, scores), abs=1e-12
    )


def test_the_state_is_the_precisions_and_labels_of_each_class():
    truth, scores = random_case()
    metric = LwlrapMetric(9)
    metric.update_state(truth, scores)
    per_class, weight = lwlrap_per_class(truth, scores)
    sums, labels = np.array(metric.precision_sums), np.array(metric.label_weights)
    np.testing.assert_allclose(sums / labels, per_class)
    np.testing.assert_allclose(labels / labels.sum(), weight)


def test_a_reset_forgets_what_came_before():
    truth, scores = random_case()
    metric = LwlrapMetric(9)
    metric.update_state(truth, -scores)
    metric.reset_state()
    metric.update_state(truth, scores)
    assert float(metric.result()) == pytest.approx(lwlrap(truth, scores), abs=1e-12)


def test_sample_weights_count_clips_as_often():
    truth, scores = random_case()
    weights = np.arange(len(truth)) % 3
    metric = LwlrapMetric(9)
    metric.update_state(truth, scores, sample_weight=weights)
    repeated = lwlrap(np.repeat(truth, weights, axis=0), np.repeat(scores, weights, axis=0))
    assert float(metric.result()) == pytest.approx(repeated, abs=1e-12)


def test_mixed_labels_count_from_one_half():
    _, scores = random_case()
    truth = np.random.default_rng(1).random(scores.shape, np.float32)
    metric = LwlrapMetric(9)
    metric.update_state(truth, scores)
    assert float(metric.result()) == pytest.approx(lwlrap(truth >= 0.5, scores), abs=1e-12)


def test_half_precision_scores_rank_as_they_are():
    truth, scores = random_case()
    metric = LwlrapMetric(9)
    metric.update_state(truth, scores.astype(np.float16))
    assert float(metric.result()) == pytest.approx(lwlrap(truth, scores.astype(np.float16)), abs=1e-12)


@pytest.mark.parametrize("column", range(3))
def test_a_score_that_is_not_finite_makes_the_result_nan_wherever_it_stands(column):
    scores = np.array([[0.1, 0.2, 0.3], [0.1, 0.2, 0.3]])
    scores[1, column] = np.nan
    metric = LwlrapMetric(3)
    metric.update_state(np.array([[1, 0, 0], [0, 1, 0]]), scores)
    assert np.isnan(float(metric.result()))


def test_without_any_label_the_result_is_nan_and_a_label_ends_that():
    metric = LwlrapMetric(3)
    metric.update_state(np.zeros((2, 3)), np.ones((2, 3)))
    assert np.isnan(float(metric.result()))
    metric.update_state(np.array([[0, 1, 0]]), np.array([[0.1, 0.9, 0.2]]))
    assert float(metric.result()) == 1


def test_a_copy_from_the_configuration_is_the_same_metric():
    config = keras.saving.serialize_keras_object(LwlrapMetric(7, name="l"))
    copy = keras.saving.deserialize_keras_object(config)
    assert isinstance(copy, LwlrapMetric)
    assert copy.get_config() == {"name": "l", "dtype": "float64", "classes": 7}


def compiled_model(classes):
    model = keras.Sequential([keras.Input((classes,)), keras.layers.Dense(classes, activation="sigmoid")])
    model.compile(
        loss="binary_crossentropy",
        metrics=[LwlrapMetric(classes)],
        weighted_metrics=[LwlrapMetric(classes, name="weighted")],
    )
    return model


def test_fit_and_evaluate_report_the_score_of_all_clips():
    truth, images = random_case()
    model = compiled_model(9)
    history = model.fit(images, truth, batch_size=8, verbose=0, validation_data=(images, truth)).history
    expected = lwlrap(truth, model.predict(images, batch_size=8, verbose=0))
    assert history["val_lwlrap"][0] == pytest.approx(expected, abs=1e-6)
    # With every other clip at weight 0, the weighted metric is the score of the rest alone.
    weights = (np.arange(len(truth)) % 2).astype(np.float32)
    results = model.evaluate(images, truth, batch_size=8, sample_weight=weights, verbose=0, return_dict=True)
    assert results["lwlrap"] == pytest.approx(expected, abs=1e-6)
    odd = lwlrap(truth[1::2], model.predict(images, batch_size=8, verbose=0)[1::2])
    assert results["weighted"] == pytest.approx(odd, abs=1e-6)


def test_a_saved_model_comes_back_with_the_metric(tmp_path):
    truth, images = random_case()
    model = compiled_model(9)
    model.fit(images, truth, epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    before = model.evaluate(images, truth, verbose=0, return_dict=True)
    assert loaded.evaluate(images, truth, verbose=0, return_dict=True) == pytest.approx(before)
