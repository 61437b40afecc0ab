"""Clips that changed though nothing that is looked at first says so, and clips that did not though it does."""

import logging
import os
import shutil

import pytest

from fat2019.data.tree import Tree
from fat2019.store.building.sources import STAMPS_NAME, alike_times, list_sources, scan
from fat2019.store.reader import FeatureStore
from tests.builds import begin_old_store, build, rebuilt, refusal, shard_of, stamps
from tests.faults.sounds import VOCABULARY, contents, data_set, write_sound


def exchange(path, seed):
    """Another sound of the same length and time in the place of a clip, as an archive that is unpacked again has it."""
    before = path.stat()
    new = write_sound(path.with_name("new.wav"), seed=seed)
    data = new.read_bytes()[: before.st_size]
    new.write_bytes(data + path.read_bytes()[len(data) :])
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    new.replace(path)
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


@pytest.mark.parametrize("repair", [False, True])
def test_a_clip_replaced_by_one_of_the_same_length_and_time_is_noticed(sounds, tmp_path, repair):
    out = tmp_path / "s"
    build(sounds, out)
    before, shard = stamps(out), shard_of(out, "c004.wav").name
    exchange(sounds / "train_curated" / "c004.wav", seed=77)
    assert build(sounds, out, repair=repair).shards_built == 1
    assert rebuilt(out, before) == {shard}
    assert build(sounds, out, repair=repair).up_to_date


def test_a_repair_compares_contents_whatever_the_stamps_say(sounds, tmp_path):
    out, path = tmp_path / "s", sounds / "train_curated" / "c004.wav"
    build(sounds, out)
    exchange(path, seed=77)
    status = path.stat()
    noted = (out / STAMPS_NAME).read_text()
    mine = noted[noted.index('"c004.wav":') :].partition("]")[0]
    (out / STAMPS_NAME).write_text(noted.replace(mine, f'"c004.wav":[{status.st_ino},{status.st_ctime_ns}'))
    assert build(sounds, out).up_to_date
    assert build(sounds, out, repair=True).shards_built == 1


def test_a_data_set_that_was_copied_is_compared_once_and_nothing_is_built(sounds, tmp_path, caplog):
    out, copy = tmp_path / "s", shutil.copytree(sounds, tmp_path / "copy")
    build(sounds, out)
    good = contents(out)
    with caplog.at_level(logging.INFO, "fat2019"):
        assert build(copy, out).up_to_date
        assert "unchanged in content: 16 clips that looked copied or touched" in caplog.text
        caplog.clear()
        assert build(copy, out).up_to_date
        assert "compared" not in caplog.text
    assert contents(out) == good


@pytest.mark.parametrize("text", [b"", b"[]", b'{"c004.wav":[1]}', b"\xff", b"[" * 100_000])
def test_stamps_that_are_lost_or_damaged_only_cost_a_look_at_the_contents(sounds, tmp_path, text):
    out = tmp_path / "s"
    build(sounds, out)
    (out / STAMPS_NAME).write_bytes(text)
    assert build(sounds, out).up_to_date
    (out / STAMPS_NAME).unlink()
    assert build(sounds, out).up_to_date


def test_a_store_of_version_1_knows_sizes_and_times_alone(sounds, tmp_path):
    out = begin_old_store(tmp_path / "s", VOCABULARY, {"curated": 4, "noisy": 2, "test": 1})
    build(sounds, out)
    assert not (out / STAMPS_NAME).exists()
    assert FeatureStore.open(out).manifest.header.format_version == 1
    shutil.copytree(sounds, tmp_path / "copy")
    assert build(tmp_path / "copy", out).up_to_date
    assert build(tmp_path / "copy", out, repair=True).up_to_date


def test_a_time_beyond_2262_is_refused_before_a_store_is_written_that_nothing_opens(sounds, tmp_path):
    path = sounds / "train_noisy" / "n001.wav"
    os.utime(path, (10**10, 10**10))  # 2286
    if path.stat().st_mtime_ns != 10**19:
        pytest.skip("this file system has no such times")
    assert refusal(sounds, tmp_path / "s") == (
        f"{path}: its time is beyond the year 2262: set another one, for instance with touch"
    )
    assert not (tmp_path / "s").exists()


def test_times_that_most_clips_share_are_told(sounds):
    sources = list_sources(data_set(sounds))
    assert alike_times(sources) is None  # 16 clips are few
    many = {"curated": [*sources["curated"]] * 20, "noisy": sources["noisy"]}
    assert alike_times(many) == (205, 205)


def test_links_in_a_circle_or_to_nothing_that_no_clip_is_are_passed_over(tmp_path):
    (tmp_path / "circle.wav").symlink_to("circle.wav")
    (tmp_path / "nothing.wav").symlink_to("gone.wav")
    (tmp_path / "a.wav").touch()
    assert "a.wav" in scan(str(tmp_path)) and "nothing.wav" not in scan(str(tmp_path))
    assert Tree(tmp_path).files == ("a.wav", "circle.wav", "nothing.wav")
