"""Runs -> scores of clips -> LWLRAP, or the scores of the test clips for a submission."""

import functools
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fat2019.data.names import likely_mistake
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.runs.run import Run
from fat2019.scoring.ensembles import are_weights, combine
from fat2019.scoring.inference import score_clips
from fat2019.scoring.means import Mean
from fat2019.scoring.members import require_same_classes, require_same_recordings
from fat2019.scoring.metrics import lwlrap
from fat2019.scoring.submission import read_truth
from fat2019.store.reader import FeatureStore
from fat2019.utils.printable import counted
from fat2019.utils.progress import Progress

log = logging.getLogger(__name__)

Windows = Literal["tiled", "max-energy"]


def evaluate_run(
    path: Path,
    *,
    truth: Path | None = None,
    features: Path | None = None,
    windows: Windows = "tiled",
    progress: Progress | None = None,
) -> dict[str, dict[str, Any]]:
    """LWLRAP of a run by part: ``validation``, and ``test`` where the test clips' labels are known.

    Those labels come from a CSV file, or from the store if its data set had them (Zenodo's); then the public and
    the private part are scored apart as well. Validation scores run far above test scores on this data set: they are
    never to be mistaken for one another.

    A store given as ``features`` may hold other recordings than the run was trained on: then its test clips alone are
    scored, since none of its other clips was held out.

    Raises:
        DataError: the run, the store or the CSV file cannot be used, or they do not fit together.
    """
    run = Run.open(path)
    store = run.store(features, other_recordings=features is not None)
    known = _known_labels(store, truth)
    parts = _validation(run, store, known is not None)
    labels = store.labels
    if known is not None:
        test, labels = known
        parts |= {"test": test} if truth else _with_usages(store, test)
        if lost := _lost_test_clips(store):
            log.warning("%s: not scored, since their audio could not be used: %s", store.path, _some(lost))
    clips = np.unique(np.concatenate(list(parts.values())))
    scores = score_clips(
        run.model(), store, clips, windows=windows, progress=progress and (lambda done: progress(done, len(clips)))
    )
    row = {clip: row for row, clip in enumerate(clips.tolist())}
    return {
        name: {
            "lwlrap": lwlrap(labels[part], scores[[row[clip] for clip in part.tolist()]]),
            "clips": int(labels[part].any(axis=1).sum()),  # of others, whose labels are not known, there is no score
        }
        for name, part in parts.items()
    }


def asked_for(path: Path, features: Path | None = None, *, strict: bool = False) -> tuple[list[str], Vocabulary]:
    """The file names of the test clips that :func:`predict_test` would score with a run, and the classes.

    Raises:
        DataError: as :func:`predict_test`.
    """
    run = Run.open(path)
    store = run.store(features, other_recordings=features is not None)
    require_test_clips(store, strict=strict)
    return _test_names(store), run.vocabulary


def predict_test(
    paths: Sequence[Path],
    *,
    features: Path | None = None,
    windows: Windows = "tiled",
    mean: Mean = "arithmetic",
    weights: Sequence[float] = (),
    strict: bool = False,
    progress: Progress | None = None,
) -> tuple[list[str], npt.NDArray[np.float64], Vocabulary]:
    """The mean of several runs' scores of the test clips.

    A test clip whose audio could not be used gets each class's share of the run's training clips: the best guess
    without a sound.

    Args:
        paths: of the runs. Their features may differ; each then takes the store that it was trained on.
        features: another store for all runs. Its training clips may be other ones than theirs.
        windows: all of a clip, or its max-energy window only.
        mean: of a clip's windows, and of the runs.
        weights: one per run.
        strict: refuse test clips whose audio could not be used.
        progress: called with the number of clips done and their total.

    Returns:
        File names, ``(clips, classes)`` scores in their order, and the vocabulary.

    Raises:
        DataError: a run or its store cannot be used, the runs have different classes or test clips, no test clip has
            features, or one has none and ``strict`` is given.
    """
    if weights and not are_weights(weights, len(paths)):
        raise DataError(
            f"weights: expected one per run ({len(paths)}), none below 0 and not all 0, received "
            f"{', '.join(f'{weight:g}' for weight in weights)}"
        )
    runs = [Run.open(path) for path in paths]
    stores = [_store_to_predict(run, runs[0], features, strict) for run in runs]
    fnames = _test_names(stores[0])
    for run, store in zip(runs, stores, strict=True):
        if _test_names(store) != fnames:
            raise DataError(f"{run.path}: its test clips are not those of {runs[0].path}: scores cannot be averaged")
        require_same_recordings(stores[0], store, fnames)
    _say_unusable(stores)
    by_run = []
    for index, (run, store) in enumerate(zip(runs, stores, strict=True)):
        test = _test_clips(store)
        scores = score_clips(
            run.model(),
            store,
            test,
            windows=windows,
            mean=mean,
            progress=progress and functools.partial(_tell, progress, index, len(runs), len(test)),
        )
        row = {fname: row for row, fname in enumerate(fnames)}
        of_all = np.tile(_label_shares(run, store), (len(fnames), 1))  # (clips, classes)
        of_all[[row[fname] for fname in store.clips["fname"].to_numpy()[test]]] = scores
        by_run.append(of_all)
    return fnames, combine(by_run, mean, list(weights) or None), runs[0].vocabulary


def _store_to_predict(run: Run, first: Run, features: Path | None, strict: bool) -> FeatureStore:
    require_same_classes(first, run)
    store = run.store(features, other_recordings=features is not None)
    require_test_clips(store, strict=strict)
    return store


def _say_unusable(stores: Sequence[FeatureStore]) -> None:
    lost = sorted({fname for store in stores for fname in _lost_test_clips(store)})
    if lost:
        log.warning(
            "%s without usable audio: scored by each class's share of the training clips (--strict refuses): %s",
            counted(len(lost), "test clip"),
            _some(lost),
        )


def _label_shares(run: Run, store: FeatureStore) -> npt.NDArray[np.float64]:
    """The share of the run's training clips that have each label, ``(classes,)``; of all where none are known."""
    table = run.partition()
    trained = table["split"] + "/" + table["fname"]
    trained = trained[table["part"] == "train"]
    is_trained = (store.clips["split"] + "/" + store.clips["fname"]).isin(trained).to_numpy()
    is_labelled = store.clips["split"].to_numpy() != "test"
    chosen = is_trained if is_trained.any() else is_labelled
    return store.labels[chosen].mean(axis=0) if chosen.any() else np.full(len(store.vocabulary), 0.5)


def lwlrap_on_test(
    store: FeatureStore, fnames: Sequence[str], scores: npt.NDArray[np.float64], truth: Path | None = None
) -> float | None:
    """LWLRAP of the scores ``(clips, classes)`` of these test clips; none where their labels are not known.

    The labels come from a CSV file, or from the store.

    Raises:
        DataError: the file has a clip that the scores lack, or cannot be used.
    """
    known = _known_labels(store, truth)
    if known is None:
        return None
    test, labels = known
    row = {fname: row for row, fname in enumerate(fnames)}
    return lwlrap(labels[test], scores[[row[fname] for fname in store.clips["fname"].to_numpy()[test]]])


def is_test_known(store: FeatureStore, truth: Path | None = None) -> bool:
    """Whether :func:`lwlrap_on_test` will have a score; call it before long work.

    Raises:
        DataError: the labels are known, and not all test clips can be scored; or as :func:`lwlrap_on_test`.
    """
    if _known_labels(store, truth) is None:
        return False
    require_test_clips(store)
    return True


def _tell(progress: Progress, run: int, runs: int, clips: int, done: int) -> None:
    progress(run * clips + done, runs * clips)


def _validation(run: Run, store: FeatureStore, is_test_known: bool) -> dict[str, npt.NDArray[np.int64]]:
    if run.has_recordings_of(store):
        return {"validation": _held_out(run, store)}
    if not is_test_known:
        raise DataError(
            f"{store.path}: its recordings are not those that {run.path} was trained on, so that it has no validation "
            "clips; and the labels of its test clips are not known: give --truth"
        )
    log.warning("%s: not the recordings that %s was trained on: only test clips are scored", store.path, run.path)
    return {}


def _held_out(run: Run, store: FeatureStore) -> npt.NDArray[np.int64]:
    split, names = run.held_out()
    clips = np.flatnonzero(store.clips["fname"].isin(names) & (store.clips["split"] == split))
    if len(clips) != len(names):
        raise DataError(
            f"{store.path}: it lacks {len(names) - len(clips)} of the clips that {run.path} was validated "
            "on: was it built from other files since?"
        )
    return clips


def _test_names(store: FeatureStore) -> list[str]:
    """Those of all test clips, with and without features."""
    return sorted([*store.clips["fname"].to_numpy()[_test_clips(store)], *_lost_test_clips(store)])


def _test_clips(store: FeatureStore) -> npt.NDArray[np.int64]:
    return np.flatnonzero(store.clips["split"].to_numpy() == "test")


def _known_labels(
    store: FeatureStore, truth: Path | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]] | None:
    """The test clips whose labels are known, and the labels of all clips with theirs among them."""
    if truth is not None:
        return _true_labels(store, truth)
    test = _test_clips(store)
    return (test, store.labels) if store.labels[test].any() else None


def _true_labels(store: FeatureStore, path: Path) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    table = read_truth(path, store.vocabulary)
    test = _test_clips(store)
    place = dict(zip(store.clips["fname"].to_numpy()[test], test.tolist(), strict=True))
    missing = [fname for fname in table["fname"] if fname not in place]
    if lost := sorted(set(missing) & set(_lost_test_clips(store))):
        raise DataError(
            f"{path}: {len(lost)} of its clips have no features in {store.path}, since their audio could not be used: "
            f"{_some(lost)}; repair the files and build again, or leave them out"
        )
    if missing:
        raise DataError(
            f"{path}: {len(missing)} of its clips are not among the test clips of {store.path}: {_some(missing)}"
            + (f": {hint}" if (hint := likely_mistake(missing[0], place)) else "")
        )
    clips = np.array([place[fname] for fname in table["fname"]], np.int64)
    labels = store.labels.copy()
    if not any(table["labels"]):
        raise DataError(
            f"{path}: no clip has a label; is it the sample of a submission, or a list still to be filled in?"
        )
    labels[clips] = [store.vocabulary.encode(names) for names in table["labels"]]
    return clips, labels


def _with_usages(store: FeatureStore, test: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[np.int64]]:
    usage = store.clips["usage"].to_numpy()[test]
    apart = {f"test {name.lower()}": test[usage == name] for name in ("Public", "Private") if (usage == name).any()}
    return {"test": test, **apart}


def require_test_clips(store: FeatureStore, *, strict: bool = True) -> None:
    """Check that there are test clips to score, and with ``strict`` that the audio of all could be used.

    Raises:
        DataError: it is not so.
    """
    if not len(_test_clips(store)):
        raise DataError(f"{store.path}: it has no test clips; build them with --splits test or without --splits")
    if strict and (lost := _lost_test_clips(store)):
        raise DataError(
            f"{store.path}: {counted(len(lost), 'test clip')} without usable audio, so without scores: {_some(lost)}; "
            "repair the files and build again"
        )


def _lost_test_clips(store: FeatureStore) -> list[str]:
    """The names of test clips whose audio could not be used."""
    return store.quarantine["fname"][store.quarantine["split"] == "test"].tolist()


def _some(fnames: Sequence[str]) -> str:
    return ", ".join(fnames[:3]) + (f" and {len(fnames) - 3} more" if len(fnames) > 3 else "")
