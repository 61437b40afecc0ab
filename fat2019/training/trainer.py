"""A store and what to do with it -> a run: stage after stage, resuming where a killed run stopped.

A stage starts from the network that the stage before kept. Everything random is a function of (seed, epoch), so a run
that was killed and started again ends with the numbers of one that was not.
"""

import dataclasses
import hashlib
import json
import logging
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fat2019.config.features import FeatureConfig
from fat2019.config.training import Stage, TrainConfig
from fat2019.data.groups import joined_groups
from fat2019.errors import DataError
from fat2019.feed.training import TrainingFeed
from fat2019.models.keras_metric import LwlrapMetric
from fat2019.models.losses import TaggingLoss
from fat2019.models.networks import build, parameter_counts, require_features, require_weights, set_trainable
from fat2019.models.registered import BUILDERS
from fat2019.runs.checkpoint import Checkpoint
from fat2019.runs.checksums import write_checksums
from fat2019.runs.graph import GRAPH_NAME, write_graph
from fat2019.runs.identity import begin_or_resume, circumstances, has_same_recordings, identity, onednn
from fat2019.runs.run import Run, best_path, log_file, write_history
from fat2019.scoring.inference import score_clips
from fat2019.scoring.metrics import lwlrap, lwlrap_per_class
from fat2019.scoring.trust import held_out_counts
from fat2019.store.near_copies import describe_near_copies, near_copies
from fat2019.store.reader import FeatureStore
from fat2019.training.callbacks import EndOfEpoch, EpochCallback, Validation, is_out_of_patience
from fat2019.training.cleaning import judged, require_own_columns
from fat2019.training.initial import require_init, take_over_weights, without_backbone_weights
from fat2019.training.interrupt import Interrupt
from fat2019.training.partition import Partition, own_folds, training_labels
from fat2019.training.probe import fit_probe
from fat2019.utils.files import make_folder, require_utf_8, write_whole
from fat2019.utils.lock import run_lock

log = logging.getLogger(__name__)
_MOST_CLIPS_TO_COMPARE = 10_000  # which takes some ten seconds; of more, nothing is said
_READ = {"memory": "cached in memory", "stream": "streamed from disk"}

_OPTIMIZERS = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW, "sgd": keras.optimizers.SGD}


def train(store: FeatureStore, config: TrainConfig, path: Path, on_epoch: EpochCallback | None = None) -> Run:
    """Train, or resume training, in a run folder.

    Args:
        store: the features.
        config: what to do.
        path: the run folder; made if it is not there.
        on_epoch: is called after each epoch with the row of ``history.csv``.

    Returns:
        The finished run.

    Raises:
        DataError: the folder holds another run, there are no clips to train on, weights are missing, the network takes
            other features, a shard is damaged or was replaced meanwhile, or the loss became NaN or infinite.
    """
    # Before a folder is made, which would stand in the way of the corrected command.
    require_utf_8(path)
    require_features(config.model, store.config)
    if not (path / "config.json").is_file():  # else the run has its network, or says so itself
        if config.init:
            require_init(config, store.config)
        require_weights(without_backbone_weights(config.model) if config.init else config.model)
    if any(stage.judge_noisy for stage in config.stages):
        require_own_columns(store)
    partition = Partition.of(store, config)
    make_folder(path)
    with run_lock(path):
        also = {**circumstances(store, partition.splits), **_registered(config)}
        begin_or_resume(path, identity(store, config), also)
        partition.write(path / "split.csv", store)
        if not has_same_recordings(path, store, partition.splits):
            raise DataError(
                f"{path}: recordings of {store.path} have changed since this run began, though they have the same "
                "names and labels; give another folder for a new run"
            )
        if not (path / "metrics.json").is_file():
            with log_file(path):
                _train_stages(store, config, path, partition, on_epoch)
        else:
            log.info("%s: this run is finished already", path)
        shutil.rmtree(path / "state", ignore_errors=True)
    return Run.open(path)


def _say_near_copies(store: FeatureStore, partition: Partition) -> None:
    """Tell of clips held out that sound like one trained on, where nothing is known of the recordings' sources."""
    if any(store.clips["group"]) or len(store.clips) > _MOST_CLIPS_TO_COMPARE:
        return
    trained = np.concatenate(list(partition.train.values()))
    test = np.flatnonzero(store.clips["split"] == "test")
    held_out = np.concatenate([*partition.validation.values(), test])
    if line := describe_near_copies(store, near_copies(store, held_out, trained)):
        log.warning("%s", line)


def _registered(config: TrainConfig) -> dict[str, Any]:
    """Which module registered the network: to be imported before the run can be opened, if its layers are there."""
    if config.model.name not in BUILDERS:
        return {}
    return {"registered": {"network": config.model.name, "module": BUILDERS[config.model.name].__module__}}


def train_folds(
    store: FeatureStore, config: TrainConfig, path: Path, on_epoch: EpochCallback | None = None
) -> list[Run]:
    """Train one network for each fold held out, in the folders ``fold-1``, ... of ``path``.

    Arguments and errors are those of :func:`train`.
    """
    runs = []
    for fold in range(1, config.folds + 1):
        keras.backend.clear_session()  # else every network stays in memory
        log.info("fold %d of %d", fold, config.folds)
        runs.append(train(store, dataclasses.replace(config, fold=fold), path / f"fold-{fold}", on_epoch))
    return runs


def train_own_folds(
    store: FeatureStore, config: TrainConfig, path: Path, on_epoch: EpochCallback | None = None
) -> list[Run]:
    """Train one network for each of the data set's own folds held out, in the folders ``fold-NAME`` of ``path``.

    Arguments and errors are those of :func:`train`; besides, the store must have at least two folds.
    """
    names = own_folds(store.clips["fold"])
    if len(names) < 2:
        raise DataError(f"{store.path}: expected at least 2 folds of the data set's own, received {len(names)}")
    runs = []
    for name in names:
        keras.backend.clear_session()
        log.info("fold %s of %s", name, ", ".join(names))
        held_out = dataclasses.replace(config, validate_on_fold=name)
        runs.append(train(store, held_out, path / f"fold-{name.replace('/', '-')}", on_epoch))
    return runs


def _judgement(
    store: FeatureStore, config: TrainConfig, path: Path, partition: Partition, state: Checkpoint
) -> Path | None:
    """The label-cleaning table of a stage, written if it does not exist; none if all labels are kept."""
    if not config.stages[state.stage].judge_noisy or "noisy" not in config.stages[state.stage].splits:
        return Path(config.relabel) if config.relabel else None
    file = path / f"judged-{state.stage + 1}.csv"
    if not file.is_file():
        clips = partition.train["noisy"]
        before = _load(state, best_path(path, len(config.stages), state.stage - 1), compile=False)
        table = judged(store, clips, score_clips(before, store, clips))
        log.info("noisy clips after label cleaning: %s", dict(table["use"].value_counts()))
        write_whole(file, table.to_csv(index=False, lineterminator="\n"))
    return file


def _train_stages(
    store: FeatureStore, config: TrainConfig, path: Path, partition: Partition, on_epoch: EpochCallback | None
) -> None:
    log.info("oneDNN: %s (TF_ENABLE_ONEDNN_OPTS)", onednn())
    state = Checkpoint.open(path / "state")
    state.require_unchanged(path / "split.csv")
    state.note(path / "split.csv")
    if state.stage < len(config.stages):
        state.keep(best_path(path, len(config.stages), state.stage))
    strategy = _strategy(config.devices)
    while state.stage < len(config.stages):
        if not _stage_is_over(config, state):
            with _precision(config.precision):
                _train_stage(store, config, path, partition, state, strategy, on_epoch)
        state.next_stage()
    write_history(path / "history.csv", state.rows)
    model = _load(state, path / "model.keras", compile=False)
    _finish(path, model, store.config, {**_metrics(model, store, partition), **_time(state)})


def _strategy(devices: int) -> tf.distribute.Strategy:
    if devices == 1:
        return tf.distribute.get_strategy()
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    there = tf.config.list_logical_devices(kind)
    if len(there) < devices:
        raise DataError(f"devices: expected at most {len(there)}, the {kind}s of this machine, received {devices}")
    return tf.distribute.MirroredStrategy([device.name for device in there[:devices]])


def _stage_is_over(config: TrainConfig, state: Checkpoint) -> bool:
    return state.epoch >= config.stages[state.stage].epochs or is_out_of_patience(config, state)


@contextmanager
def _precision(policy: str) -> Iterator[None]:
    """Layers made within compute in this precision."""
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.mixed_precision.set_dtype_policy(before)


def _train_stage(
    store: FeatureStore,
    config: TrainConfig,
    path: Path,
    partition: Partition,
    state: Checkpoint,
    strategy: tf.distribute.Strategy,
    on_epoch: EpochCallback | None,
) -> None:
    stage = config.stages[state.stage]
    keras.utils.set_random_seed(config.seed)
    clips = np.sort(np.concatenate([partition.train[split] for split in stage.splits]))
    judgement = _judgement(store, config, path, partition, state)
    labels, left_out = training_labels(store, judgement, partition.train.get("noisy"))
    clips = clips[~left_out[clips]]
    begun_with = dataclasses.replace(stage.feed, reader=state.reader) if state.reader else stage.feed
    feed = TrainingFeed(store, clips, begun_with, labels[clips])
    state.reader = feed.reader_name
    with strategy.scope():
        model = _model(store, config, path, state, feed.steps_per_epoch)
    total, trainable, frozen = parameter_counts(model)
    log.info(
        "stage %d of %d: %s, %s parameters (%s trained, %s frozen); clips: %d, batches per epoch: %d, features %s",
        state.stage + 1,
        len(config.stages),
        model.name,
        f"{total:,}",
        f"{trainable:,}",
        f"{frozen:,}",
        len(clips),
        feed.steps_per_epoch,
        _READ[feed.reader_name],
    )
    validation = Validation(model, store, partition.validation[stage.validate_on], stage.feed.batch_windows)
    end_of_epoch = EndOfEpoch(path, config, state, validation, on_epoch)
    if stage.optimizer == "lbfgs":
        end_of_epoch.set_model(model)
        end_of_epoch.on_epoch_begin(0)
        end_of_epoch.on_epoch_end(0, fit_probe(model, config.model, store, clips, labels[clips]))
        return
    batches = feed.dataset(first_epoch=state.epoch, epochs=stage.epochs)
    with feed.reading(), Interrupt() as interrupt:
        model.fit(
            batches if config.devices == 1 else batches.map(lambda *batch: _even(batch, config.devices)),
            initial_epoch=state.epoch,
            epochs=stage.epochs,
            steps_per_epoch=feed.steps_per_epoch,
            # The end of an epoch comes first: it adds the validation's numbers to what TensorBoard is to write.
            callbacks=[
                end_of_epoch,
                keras.callbacks.TensorBoard(path / "logs" / f"stage-{state.stage + 1}", write_graph=False),
                interrupt,
            ],
            verbose=0,
            shuffle=False,
        )


def _model(
    store: FeatureStore, config: TrainConfig, path: Path, state: Checkpoint, steps_per_epoch: int
) -> keras.Model:
    """The network to resume with: as the last epoch left it, or as the stage before did, or a new one."""
    if state.epoch:
        return _load(state, state.model_path, compile=True)
    stage = config.stages[state.stage]
    if state.stage:
        model = _load(state, best_path(path, len(config.stages), state.stage - 1), compile=False)
    else:
        model = _new_model(store, config)
    set_trainable(model, dataclasses.replace(config.model, trainable=stage.trainable))
    if config.devices > 1:
        _synchronise_batch_norms(model)
    if stage.optimizer == "lbfgs":  # which is not one of Keras's
        return model
    optimizer = _OPTIMIZERS[stage.optimizer](
        _learning_rate(stage, steps_per_epoch),
        global_clipnorm=config.clip_norm or None,
        **({"weight_decay": stage.weight_decay} if stage.optimizer == "adamw" else {}),
    )
    model.compile(
        optimizer,
        loss=TaggingLoss(stage.loss, stage.focal_gamma, stage.label_smoothing, stage.bootstrap),
        metrics=[LwlrapMetric(len(store.vocabulary))],
        jit_compile=config.jit,
    )
    return model


def _new_model(store: FeatureStore, config: TrainConfig) -> keras.Model:
    shape = (store.config.window_frames, store.config.mel_bands)
    names = store.vocabulary.names
    if not config.init:
        return build(config.model, len(names), shape, names)
    model = build(without_backbone_weights(config.model), len(names), shape, names)
    take_over_weights(model, Run.open(config.init))
    return model


def _load(state: Checkpoint, path: Path, *, compile: bool) -> keras.Model:
    state.require_unchanged(path)
    try:
        return keras.models.load_model(path, compile=compile)
    except Exception as error:
        raise DataError(
            f"{path}: the network that this run was to resume from cannot be read ({error}); delete the "
            "run's folder to start over"
        ) from error


def _synchronise_batch_norms(model: keras.Model) -> None:
    """Let batch normalisation see the whole batch and not a device's part of it."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True


def _learning_rate(stage: Stage, steps_per_epoch: int) -> Any:
    if stage.schedule == "constant":
        return stage.learning_rate
    steps = stage.epochs * steps_per_epoch
    warmup = max(1, steps // 20)
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warmup), warmup_target=stage.learning_rate, warmup_steps=warmup
    )


def _even(batch: tuple[tf.Tensor, ...], devices: int) -> tuple[tf.Tensor, ...]:
    """The windows that every device can have as many of; of an epoch's last batch a few may be left out.

    A device without windows would have the loss NaN, and one with fewer than the others would give each of its own
    more weight. Of a batch smaller than that, windows are repeated, so that an epoch keeps its number of steps.
    """
    windows = tf.shape(batch[0])[0]
    places = tf.range(tf.maximum(windows // devices, 1) * devices) % windows
    return tuple(tf.gather(part, places) for part in batch)


def _time(state: Checkpoint) -> dict[str, Any]:
    return {
        "epochs": len(state.rows),
        "seconds": round(state.seconds, 1),
        "cpu_seconds": round(state.cpu_seconds, 1),
    }


def _finish(path: Path, model: keras.Model, features: FeatureConfig, metrics: dict[str, Any]) -> None:
    """Write what a finished run has beside its network; ``metrics.json`` is the last, since it makes it finished."""
    write_graph(model, features, path / GRAPH_NAME)
    text = json.dumps(metrics, indent=2, allow_nan=False) + "\n"
    shapes = {"input": list(model.input_shape[1:]), "output": list(model.output_shape[1:])}
    write_checksums(path, shapes, {"metrics.json": hashlib.sha256(text.encode()).hexdigest()})
    write_whole(path / "metrics.json", text)


def _metrics(model: keras.Model, store: FeatureStore, partition: Partition) -> dict[str, Any]:
    """The scores of the epoch that was kept, on all windows of the clips held out: curated ones, if there are any."""
    split = "curated" if "curated" in partition.validation else "noisy"
    clips = partition.validation[split]
    scores, truth = score_clips(model, store, clips), store.labels[clips]
    per_class, _ = lwlrap_per_class(truth, scores)
    one_label = bool((truth.sum(axis=1) == 1).all())
    trained = np.concatenate(list(partition.train.values()))
    groups = joined_groups(store.clips["group"].tolist())
    total, trainable, frozen = parameter_counts(model)
    return {
        "validation": {
            "lwlrap": lwlrap(truth, scores),
            "split": split,
            "clips": len(clips),
            "windows": "tiled",
            # Of clips with one label each, as ESC-50 and UrbanSound8K are scored.
            **({"accuracy": float(truth[np.arange(len(clips)), scores.argmax(axis=1)].mean())} if one_label else {}),
            **held_out_counts(truth, groups[clips], store.labels[trained]),
            "per_class": {
                name: None if math.isnan(value) else value
                for name, value in zip(store.vocabulary.names, per_class.tolist(), strict=True)
            },
        },
        "parameters": {"total": total, "trainable": trainable, "frozen": frozen},
    }
