"""Clips that cannot be used: listed with the reason, never seen, and taken back when they can."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fat2019.config.features import FeatureConfig
from fat2019.data.data_set import Clip, DataSet
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.store.building.builder import build_features
from fat2019.store.info import describe
from fat2019.store.manifest import MANIFEST_NAME
from fat2019.store.reader import FeatureStore
from fat2019.store.verify import verify
from tests.builds import build, refusal, shard_of
from tests.faults.sounds import contents, set_time, write_sound


def spoil(sounds):
    folder = sounds / "train_curated"
    (folder / "c000.wav").write_bytes(b"")
    (folder / "c001.wav").write_text("not found")
    soundfile.write(folder / "c002.wav", np.zeros(30_000, np.int16), 16_000)
    soundfile.write(folder / "c003.wav", np.full(3_000, np.nan), 16_000, subtype="FLOAT")
    (folder / "c004.wav").write_bytes((folder / "c004.wav").read_bytes()[:-500])
    return ["c000.wav", "c001.wav", "c002.wav", "c003.wav", "c004.wav"]


def test_a_shard_whose_clips_all_become_unusable_has_no_files(sounds, tmp_path):
    out = tmp_path / "s"
    build(sounds, out)
    before, key = contents(out), shard_of(out, "t000.wav").key
    (sounds / "test" / "t000.wav").write_bytes(b"")
    summary = build(sounds, out)
    assert before.keys() - contents(out).keys() == {"test-00000-of-00001-" + key[:12] + ".h5"}
    assert (summary.clips, summary.shards_removed) == (15, 1)
    assert verify(out) == []
    assert build(sounds, out).up_to_date


def test_clips_that_cannot_be_used_are_listed_and_never_seen(sounds, tmp_path):
    bad = spoil(sounds)
    summary = build(sounds, tmp_path / "s")
    store = FeatureStore.open(tmp_path / "s")
    reasons = dict(summary.quarantined)
    assert sorted(reasons) == bad
    for fname, words in zip(bad, ["empty file", "no audio", "no signal", "not finite", "truncated"], strict=True):
        assert words in reasons[fname]
        assert str(sounds / "train_curated" / fname) in reasons[fname]
        with pytest.raises(DataError, match=f"in quarantine: .*{words}"):
            store.audio(fname)
    assert not set(store.clips["fname"]) & set(bad)
    assert summary.clips == len(store.clips) == 11
    assert sorted(store.quarantine["fname"]) == bad
    assert set(store.quarantine["split"]) == {"curated"}
    assert verify(tmp_path / "s", deep=True) == []
    assert build(sounds, tmp_path / "s").quarantined == summary.quarantined


@pytest.mark.parametrize(
    ("samples", "usable"),
    [(np.full(5_000, 700), False), (np.tile([0, 2], 2_500), False), (np.tile([0, 3], 2_500), True)],
)
def test_a_constant_is_no_signal_and_the_faintest_sound_is(sounds, tmp_path, samples, usable):
    soundfile.write(sounds / "train_curated" / "c000.wav", samples.astype(np.int16), 16_000)
    assert ("c000.wav" in dict(build(sounds, tmp_path / "s").quarantined)) != usable


def test_a_mended_clip_leaves_quarantine(sounds, tmp_path):
    spoil(sounds)
    build(sounds, tmp_path / "s")
    write_sound(sounds / "train_curated" / "c000.wav", seed=1)
    summary = build(sounds, tmp_path / "s")
    assert "c000.wav" not in dict(summary.quarantined)
    assert "c000.wav" in set(FeatureStore.open(tmp_path / "s").clips["fname"])


def test_a_clip_that_is_removed_leaves_quarantine_too(sounds, tmp_path):
    spoil(sounds)
    build(sounds, tmp_path / "s")
    (sounds / "train_curated" / "c000.wav").unlink()
    assert "c000.wav" not in dict(build(sounds, tmp_path / "s").quarantined)


def test_strict_makes_an_unusable_clip_an_error_at_any_time(sounds, tmp_path):
    spoil(sounds)
    assert "--strict" in refusal(sounds, tmp_path / "s", strict=True)
    build(sounds, tmp_path / "s")
    before = contents(tmp_path / "s")
    assert "--strict" in refusal(sounds, tmp_path / "s", strict=True)
    assert contents(tmp_path / "s") == before


def test_a_clip_that_the_machine_fails_to_read_stops_the_build_and_the_same_command_goes_on(
    sounds, tmp_path, monkeypatch
):
    build(sounds, tmp_path / "expected")
    opened = os.open

    def refuse(path, *arguments, **options):
        if Path(path).name == "c001.wav":
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        message = refusal(sounds, tmp_path / "s")
    assert message == f"{sounds}/train_curated/c001.wav: cannot be read: Permission denied: the same command resumes"
    build(sounds, tmp_path / "s")
    assert contents(tmp_path / "s") == contents(tmp_path / "expected")


def test_a_data_set_of_nothing_but_unusable_clips_leaves_nothing(tmp_path):
    path = tmp_path / "d" / "train_curated" / "x.wav"
    path.parent.mkdir(parents=True)
    path.touch()
    clips = (Clip("x.wav", "curated", path, ("Bark",), ""),)
    with pytest.raises(DataError, match=r"none of its 1 clips can be used, for instance .*x\.wav"):
        build_features(
            DataSet(tmp_path, "kaggle", Vocabulary(("Bark",)), clips, (), None),
            tmp_path / "s",
            FeatureConfig(),
            workers=1,
        )
    assert not (tmp_path / "s").exists()


def test_a_store_whose_clips_all_become_unusable_stays_as_it_was(sounds, tmp_path):
    out, audio = tmp_path / "s", sorted(sounds.rglob("*.wav"))
    build(sounds, out)
    good, sound = contents(out), {path: path.read_bytes() for path in audio}
    for path in audio:
        path.write_bytes(b"")
    for repair in (False, True):
        assert "none of its 16 clips can be used" in refusal(sounds, out, repair=repair)
        assert contents(out) == good
    for path in audio:
        path.write_bytes(sound[path])
        set_time(path, 1_700_000_000)
    assert build(sounds, out).up_to_date


def test_an_unfinished_store_whose_clips_all_become_unusable_leaves_nothing(sounds, tmp_path):
    out, journals = tmp_path / "s", []
    build(sounds, out, progress=lambda done, every: journals.append((out / "build.journal").read_bytes()))
    (out / MANIFEST_NAME).unlink()
    (out / "build.journal").write_bytes(journals[1])  # two shards are noted
    for path in sounds.rglob("*.wav"):
        path.write_bytes(b"")
    assert "none of its 16 clips can be used" in refusal(sounds, out)
    assert not out.exists()


def test_repair_tries_clips_in_quarantine_again(sounds, tmp_path):
    path, out = sounds / "train_curated" / "c001.wav", tmp_path / "s"
    build(sounds, tmp_path / "expected")
    sound = path.read_bytes()
    path.write_bytes(bytes(len(sound)))
    set_time(path, 1_700_000_000)
    build(sounds, out)
    path.write_bytes(sound)
    set_time(path, 1_700_000_000)
    assert len(build(sounds, out).quarantined) == 1
    assert build(sounds, out, repair=True).shards_built == 1
    assert contents(out) == contents(tmp_path / "expected")


def test_a_fifo_and_a_looping_link_among_the_clips_are_put_in_quarantine(sounds, tmp_path):
    folder = sounds / "train_curated"
    (folder / "loop.wav").symlink_to("loop.wav")
    (folder / "c001.wav").unlink()
    os.mkfifo(folder / "c001.wav")
    summary = build(sounds, tmp_path / "s")
    assert dict(summary.quarantined) == {
        "c001.wav": f"{folder / 'c001.wav'}: a FIFO, where an audio file is expected",
        "loop.wav": f"{folder / 'loop.wav'}: a link that leads back to itself, where an audio file is expected",
    }
    assert build(sounds, tmp_path / "s").up_to_date


def test_sounds_that_are_changed_when_they_are_read_are_named_by_build_and_store(sounds, tmp_path):
    loud = 3 * np.sin(np.arange(20_000) / 7)
    soundfile.write(sounds / "train_curated" / "c002.wav", loud, 16_000, subtype="FLOAT")
    summary = build(sounds, tmp_path / "s")
    [(fname, note)] = summary.notes
    assert fname == "c002.wav"
    assert "peaks of 3.00 times full scale" in note
    store = FeatureStore.open(tmp_path / "s")
    assert store.notes == [(fname, note)]
    result, lines = describe(store)
    assert result["notes"] == [{"fname": fname, "note": note}]
    assert f"changed when read: 1 clip, for instance c002.wav: {note}" in lines
