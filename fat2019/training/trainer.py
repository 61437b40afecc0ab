"""A store and what to do with it -> a run: stage after stage, going on where a killed run stopped.

A stage starts from the network that the stage before kept. Everything random is a function of (seed, epoch), so a run
that was killed and started again ends with the numbers of one that was not.
"""

import dataclasses
import hashlib
import itertools
import json
import logging
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fat2019.config.features import to_json
from fat2019.config.training import Stage, TrainConfig
from fat2019.errors import DataError
from fat2019.feed.feeds import TrainingFeed
from fat2019.models.keras_metric import LwlrapMetric
from fat2019.models.losses import TaggingLoss
from fat2019.models.networks import build, parameter_counts, set_trainable
from fat2019.runs.run import (
    Checkpoint,
    Run,
    begin_or_continue,
    best_path,
    log_file,
    write_history,
)
from fat2019.scoring.inference import score_clips
from fat2019.scoring.metrics import lwlrap, lwlrap_per_class
from fat2019.store.reader import FeatureStore
from fat2019.training.cleaning import judged, require_own_columns
from fat2019.training.epochs import EndOfEpoch, Report, Validation, is_out_of_patience
from fat2019.training.interrupt import Interrupt
from fat2019.training.partition import Parts, training_labels
from fat2019.utils.files import read_json, whole, write_json, write_whole
from fat2019.utils.lock import run_lock

log = logging.getLogger(__name__)

_OPTIMIZERS = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW, "sgd": keras.optimizers.SGD}


def train(store: FeatureStore, config: TrainConfig, path: Path, report: Report | None = None) -> Run:
    """Train, or go on training, in a run folder.

    Args:
        store: the features.
        config: what to do.
        path: the run folder; made if it is not there.
        report: is called after each epoch with the row of ``history.csv``.

    Returns:
        The finished run.

    Raises:
        DataError: the folder holds another run, there is nothing to train on, weights cannot be had, a shard is
            damaged or was replaced meanwhile, or the loss became NaN or infinite.
    """
    if any(stage.judge_noisy for stage in config.stages):
        require_own_columns(store)
    parts = Parts.of(store, config)  # before a folder is made, which would stand in the way of the corrected command
    path.mkdir(parents=True, exist_ok=True)
    with run_lock(path):
        begin_or_continue(path, _identity(store, config), _circumstances(store, parts), _completed)
        parts.write(path / "split.csv", store)
        if not _is_of_the_same_sounds(path, store, parts):
            raise DataError(
                f"{path}: recordings of {store.path} are no longer those that this run began with, though they have "
                "the same names and labels; give another folder for a new one"
            )
        if not (path / "metrics.json").is_file():
            with log_file(path):
                _train_stages(store, config, path, parts, report)
        else:
            log.info("%s: this run is finished already", path)
        shutil.rmtree(path / "state", ignore_errors=True)
    return Run.open(path)


def train_folds(store: FeatureStore, config: TrainConfig, path: Path, report: Report | None = None) -> list[Run]:
    """Train one network for each fold held out, in the folders ``fold-1``, ... of ``path``.

    Arguments and errors are those of :func:`train`.
    """
    runs = []
    for fold in range(1, config.folds + 1):
        keras.backend.clear_session()  # else every network stays in memory
        log.info("fold %d of %d", fold, config.folds)
        runs.append(train(store, dataclasses.replace(config, fold=fold), path / f"fold-{fold}", report))
    return runs


def adopt_stages(path: Path, store: FeatureStore, config: TrainConfig, others: Sequence[Path]) -> None:
    """Begin a run with the first stages of a finished one that are configured alike, and need not be trained again.

    It ends with the same numbers as without this. A run folder that is there already stays as it is.

    Args:
        path: the run folder.
        store: the features.
        config: what the run is to do.
        others: folders of finished runs; one that was trained on other clips has nothing to give.
    """
    if (path / "config.json").is_file():
        return
    parts = Parts.of(store, config)
    others = [
        other
        for other in others
        if parts.are_those_of(other / "split.csv", store) and _is_of_the_same_sounds(other, store, parts)
    ]
    wanted = json.loads(json.dumps(_identity(store, config)))
    counts = [_stages_alike(wanted, other) for other in others]
    shared = max(counts, default=0)
    if not shared:
        return
    other = others[counts.index(shared)]
    path.mkdir(parents=True, exist_ok=True)
    with run_lock(path):
        begin_or_continue(path, wanted, _circumstances(store, parts))
        _take_over(path, other, shared, len(config.stages))


def _take_over(path: Path, other: Path, shared: int, stages: int) -> None:
    """The first networks of another run, its history until then, and a state that says so."""
    theirs = read_json(other / "config.json")["train"]["stages"]
    for stage in range(shared):
        with whole(best_path(path, stages, stage)) as unfinished:
            shutil.copyfile(best_path(other, len(theirs), stage), unfinished)
    run = Run.open(other)
    history = run.history()
    rows: list[dict[str, Any]] = history[history["stage"] <= shared].to_dict("records")  # type: ignore[assignment]
    with log_file(path):
        log.info("%s: stage 1 to %d taken over from %s", path, shared, other)
    state = Checkpoint.open(path / "state")
    state.stage, state.rows, state.seconds_before = shared, rows, sum(row["seconds"] for row in rows)
    # Epochs have no processor time of their own: they kept the processor as busy as the whole run did.
    state.cpu_seconds_before = state.seconds_before * run.metrics["cpu_seconds"] / run.metrics["seconds"]
    state.write()


def _stages_alike(wanted: dict[str, Any], other: Path) -> int:
    """How many stages another run did that this one is to begin with, of which the last is never one."""
    theirs = _completed(read_json(other / "config.json"))
    alike = all(theirs[name] == wanted[name] for name in ("features", "vocabulary")) and all(
        theirs["train"][name] == value for name, value in wanted["train"].items() if name != "stages"
    )
    pairs = zip(theirs["train"]["stages"], wanted["train"]["stages"][:-1], strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)) if alike else 0


def _identity(store: FeatureStore, config: TrainConfig) -> dict[str, Any]:
    """What must be the same for a run to go on."""
    return {
        "train": dataclasses.asdict(config),
        "features": {"digest": store.config.digest(), "config": json.loads(to_json(store.config))},
        "vocabulary": list(store.vocabulary.names),
        **({"relabel_sha256": hashlib.sha256(_bytes(Path(config.relabel))).hexdigest()} if config.relabel else {}),
    }


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def _completed(config: dict[str, Any]) -> dict[str, Any]:
    """A run's ``config.json`` with the fields that have come since it was written, which then had their defaults."""
    defaults, train = dataclasses.asdict(TrainConfig()), config.get("train", {})
    stage_defaults = defaults["stages"][0]
    stages = [
        {**stage_defaults, **stage, "feed": {**stage_defaults["feed"], **stage.get("feed", {})}}
        for stage in train.get("stages", ())
    ]
    model = {**defaults["model"], **train.get("model", {})}
    return {**config, "train": {**defaults, **train, "model": model, "stages": stages}}


def _is_of_the_same_sounds(path: Path, store: FeatureStore, parts: Parts) -> bool:
    """Whether a run was made of the recordings that the store has; one of an older version does not tell."""
    now = store.content_key(parts.splits)
    return bool(read_json(path / "config.json").get("sounds_sha256", now) == now)


def _circumstances(store: FeatureStore, parts: Parts) -> dict[str, Any]:
    """What is written down beside what makes two runs the same."""
    return {
        "store": str(store.path.resolve()),
        "sounds_sha256": store.content_key(parts.splits),
        "onednn": _onednn(),
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__, "numpy": np.__version__},
    }


def _onednn() -> str:
    setting = os.environ.get("TF_ENABLE_ONEDNN_OPTS")
    return "as TensorFlow decides" if setting is None else "on" if setting.lower() in ("1", "true") else "off"


def _judgement(store: FeatureStore, config: TrainConfig, path: Path, parts: Parts, stage: int) -> Path | None:
    """The file that says what the noisy labels are worth to a stage, made if it is not there; none if all are kept."""
    if not config.stages[stage].judge_noisy or "noisy" not in config.stages[stage].splits:
        return Path(config.relabel) if config.relabel else None
    file = path / f"judged-{stage + 1}.csv"
    if not file.is_file():
        clips = parts.train["noisy"]
        before = _load(best_path(path, len(config.stages), stage - 1), compile=False)
        table = judged(store, clips, score_clips(before, store, clips))
        log.info("noisy clips by what their labels are worth: %s", dict(table["use"].value_counts()))
        write_whole(file, table.to_csv(index=False, lineterminator="\n"))
    return file


def _train_stages(store: FeatureStore, config: TrainConfig, path: Path, parts: Parts, report: Report | None) -> None:
    log.info("oneDNN: %s (TF_ENABLE_ONEDNN_OPTS)", _onednn())
    state = Checkpoint.open(path / "state")
    strategy = _strategy(config.devices)
    while state.stage < len(config.stages):
        if not _stage_is_over(config, state):
            with _precision(config.precision):
                _train_stage(store, config, path, parts, state, strategy, report)
        state.next_stage()
    write_history(path / "history.csv", state.rows)
    write_json(
        path / "metrics.json",
        {
            **_metrics(path, store, parts),
            "epochs": len(state.rows),
            "seconds": round(state.seconds, 1),
            "cpu_seconds": round(state.cpu_seconds, 1),
        },
    )


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
    parts: Parts,
    state: Checkpoint,
    strategy: tf.distribute.Strategy,
    report: Report | None,
) -> None:
    stage = config.stages[state.stage]
    keras.utils.set_random_seed(config.seed)
    clips = np.sort(np.concatenate([parts.train[split] for split in stage.splits]))
    labels, left_out = training_labels(store, _judgement(store, config, path, parts, state.stage))
    clips = clips[~left_out[clips]]
    begun_with = dataclasses.replace(stage.feed, reader=state.reader) if state.reader else stage.feed
    feed = TrainingFeed(store, clips, begun_with, labels[clips])
    state.reader = feed.reader_name
    with strategy.scope():
        model = _model(store, config, path, state, feed.steps_per_epoch)
    total, trainable, frozen = parameter_counts(model)
    log.info(
        "stage %d of %d: %s, %s parameters (%s trained, %s frozen); %d clips, %d batches an epoch, features read "
        "by way of %s",
        state.stage + 1,
        len(config.stages),
        model.name,
        f"{total:,}",
        f"{trainable:,}",
        f"{frozen:,}",
        len(clips),
        feed.steps_per_epoch,
        feed.reader_name,
    )
    validation = Validation(model, store, parts.validation[stage.validate_on], stage.feed.batch_windows)
    batches = feed.dataset(first_epoch=state.epoch, epochs=stage.epochs)
    with feed.reading(), Interrupt() as interrupt:
        model.fit(
            batches if config.devices == 1 else batches.map(lambda *batch: _even(batch, config.devices)),
            initial_epoch=state.epoch,
            epochs=stage.epochs,
            steps_per_epoch=feed.steps_per_epoch,
            # The end of an epoch comes first: it adds the validation's numbers to what TensorBoard is to write.
            callbacks=[
                EndOfEpoch(path, config, state, validation, report),
                keras.callbacks.TensorBoard(path / "logs" / f"stage-{state.stage + 1}", write_graph=False),
                interrupt,
            ],
            verbose=0,
            shuffle=False,
        )


def _model(
    store: FeatureStore, config: TrainConfig, path: Path, state: Checkpoint, steps_per_epoch: int
) -> keras.Model:
    """The network to go on with: as the last epoch left it, or as the stage before did, or a new one."""
    if state.epoch:
        return _load(state.model_path, compile=True)
    stage = config.stages[state.stage]
    if state.stage:
        model = _load(best_path(path, len(config.stages), state.stage - 1), compile=False)
    else:
        model = build(config.model, len(store.vocabulary), (store.config.window_frames, store.config.mel_bands))
    set_trainable(model, dataclasses.replace(config.model, trainable=stage.trainable))
    if config.devices > 1:
        _synchronise_batch_norms(model)
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


def _load(path: Path, *, compile: bool) -> keras.Model:
    try:
        return keras.models.load_model(path, compile=compile)
    except Exception as error:
        raise DataError(
            f"{path}: the network that this run was to go on with cannot be read ({error}); delete the "
            "run's folder to begin it anew"
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


def _metrics(path: Path, store: FeatureStore, parts: Parts) -> dict[str, Any]:
    """The scores of the epoch that was kept, on all windows of the clips held out: curated ones, if there are any."""
    model = _load(path / "model.keras", compile=False)
    split = "curated" if "curated" in parts.validation else "noisy"
    clips = parts.validation[split]
    scores, truth = score_clips(model, store, clips), store.labels[clips]
    per_class, _ = lwlrap_per_class(truth, scores)
    total, trainable, frozen = parameter_counts(model)
    return {
        "validation": {
            "lwlrap": lwlrap(truth, scores),
            "split": split,
            "clips": len(clips),
            "windows": "tiled",
            "per_class": {
                name: None if math.isnan(value) else value
                for name, value in zip(store.vocabulary.names, per_class.tolist(), strict=True)
            },
        },
        "parameters": {"total": total, "trainable": trainable, "frozen": frozen},
    }
