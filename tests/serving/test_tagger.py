import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from fat2019.audio.clip import load_clip, stored_log_mel
from fat2019.cli import main
from fat2019.cli.look import _tag_lines
from fat2019.config.features import NAMED
from fat2019.errors import DataError
from fat2019.models.pretrained import PretrainedNetwork
from fat2019.runs.run import Run
from fat2019.scoring.inference import score_clips
from fat2019.serving import tagger as tagging
from fat2019.serving.tagger import Tagger, find_audio
from tests.conftest import RATE_HZ
from tests.oracles import yamnet as oracle
from tests.run_folders import make_run


@pytest.fixture(scope="module")
def run(store, tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "run", store, validation=range(4))


@pytest.fixture(scope="module")
def tagger(run):
    return Tagger(Run.open(run.path))


@pytest.fixture
def clips_to_tag(tiny_data):
    return sorted((tiny_data / "test").glob("*.wav"))


@pytest.fixture(scope="module")
def yamnet_cache(tmp_path_factory):
    """A cache with weights of YAMNet at random, in the layout of Google's file."""
    cache = tmp_path_factory.mktemp("cache")
    oracle.write_as_google_does(cache / "yamnet.h5", oracle.random_weights(np.random.default_rng(3)))
    return cache


@pytest.fixture
def yamnet(yamnet_cache, monkeypatch):
    """What the command line finds as the network of this name."""
    monkeypatch.setenv("FAT2019_CACHE", str(yamnet_cache))
    return PretrainedNetwork("yamnet")


def refuse(path, reason):
    raise AssertionError(f"{path}: {reason}")


def refuse_skip(path):
    raise AssertionError(f"{path} is skipped")


def tag(tagger, paths):
    return list(tagger.tag(paths, refuse))


def test_a_test_clip_gets_the_scores_that_predict_gives_it(store, run, tagger, clips_to_tag):
    clips = np.flatnonzero(store.clips["split"] == "test")
    expected = dict(zip(store.clips["fname"][clips], score_clips(run.model(), store, clips), strict=True))
    assert len(clips_to_tag) == len(expected) > 0
    for tagged in tag(tagger, clips_to_tag):
        np.testing.assert_allclose(tagged.scores, expected[tagged.path.name], rtol=1e-5)


def test_a_run_that_keeps_a_graph_tags_as_its_network_does(store, run, tagger, clips_to_tag, tmp_path):
    stated = make_run(tmp_path / "stated", store, validation=range(4), stated=True)
    assert stated.has_graph and not run.has_graph
    for one, other in zip(tag(Tagger(stated), clips_to_tag), tag(tagger, clips_to_tag), strict=True):
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-4)


def test_a_file_is_tagged_without_tensorflow(store, clips_to_tag, tmp_path):
    run = make_run(tmp_path / "stated", store, validation=range(4), stated=True)
    program = (
        "import sys\nfrom fat2019.cli import main\n"
        f"main(['tag', {str(run.path)!r}, {str(clips_to_tag[0])!r}], standalone_mode=False)\n"
        "print(*sorted({'tensorflow', 'keras', 'pandas', 'matplotlib', 'sklearn'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 5
    assert done.stderr.strip() == ""


def test_several_runs_tag_by_their_mean_whatever_their_features(store, open_store, clips_to_tag, tmp_path):
    runs = [make_run(tmp_path / "a", store), make_run(tmp_path / "b", open_store("float32"), seed=1)]
    alone = [tag(Tagger(run), clips_to_tag) for run in runs]
    for both, first, second in zip(tag(Tagger(*runs), clips_to_tag), *alone, strict=True):
        np.testing.assert_allclose(both.scores, (first.scores + second.scores) / 2)
    other = make_run(tmp_path / "c", store, vocabulary=["A", "B"])
    with pytest.raises(DataError, match="its vocabulary is not that of"):
        Tagger(runs[0], other)


def test_scores_do_not_depend_on_how_many_files_are_in_memory_at_once(tagger, clips_to_tag, monkeypatch):
    together = tag(tagger, clips_to_tag)
    monkeypatch.setattr(tagging, "_WINDOWS_AT_ONCE", 1)
    for one, other in zip(together, tag(tagger, clips_to_tag), strict=True):
        np.testing.assert_allclose(one.scores, other.scores, rtol=1e-5)


def test_files_are_read_only_as_their_tags_are_wanted(tagger, clips_to_tag, monkeypatch):
    monkeypatch.setattr(tagging, "_WINDOWS_AT_ONCE", 1)
    taken = []

    def paths():
        for path in clips_to_tag:
            taken.append(path)
            yield path

    next(tagger.tag(paths(), refuse))
    assert len(taken) == 1


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3"])
def test_other_formats_and_rates_give_nearly_the_same_scores(tagger, clips_to_tag, tmp_path, suffix):
    import soxr

    samples, rate = soundfile.read(clips_to_tag[5])
    path = tmp_path / f"sound.{suffix}"
    stereo = np.stack([soxr.resample(samples, rate, 44_100)] * 2, axis=1)
    soundfile.write(path, stereo, 44_100)
    [original], [other] = tag(tagger, [clips_to_tag[5]]), tag(tagger, [path])
    assert other.seconds == pytest.approx(original.seconds, abs=0.1)
    np.testing.assert_allclose(other.scores, original.scores, atol=0.12)


def test_a_bad_file_is_named_and_the_others_are_tagged(tagger, clips_to_tag, tmp_path):
    bad = [tmp_path / "text.wav", tmp_path / "empty.wav", tmp_path / "silent.wav", tmp_path / "missing.wav"]
    bad[0].write_text("no audio")
    bad[1].write_bytes(b"")
    soundfile.write(bad[2], np.zeros(RATE_HZ, np.int16), RATE_HZ)
    failed = {}
    tagged = list(tagger.tag([bad[0], clips_to_tag[0], *bad[1:], clips_to_tag[1]], failed.__setitem__))
    assert [file.path for file in tagged] == clips_to_tag[:2]
    assert list(failed) == bad
    assert all(str(path) in reason and "\n" not in reason for path, reason in failed.items())


def test_a_recording_keeps_the_sounds_on_both_sides_of_a_long_silence_as_a_store_does(tagger, tmp_path):
    random = np.random.default_rng(0)
    first, last = (random.normal(0, 3000, 10 * RATE_HZ).astype(np.int16) for _ in range(2))
    soundfile.write(tmp_path / "long.wav", np.concatenate([first, np.zeros(20 * RATE_HZ, np.int16), last]), RATE_HZ)
    [tagged] = tag(tagger, [tmp_path / "long.wav"])
    kept_s = tagger.features.silence_rule("test", 40).keep_silence_ms / 1000
    assert tagged.seconds == 40
    assert tagged.seconds_without_silence == pytest.approx(20 + 2 * kept_s, abs=0.3)


def test_a_recording_that_is_quiet_throughout_is_kept_whole(tagger, tmp_path):
    hum = (8 * np.sin(np.arange(5 * RATE_HZ) / 20)).astype(np.int16)
    soundfile.write(tmp_path / "hum.wav", hum, RATE_HZ)
    [tagged] = tag(tagger, [tmp_path / "hum.wav"])
    assert tagged.seconds_without_silence == tagged.seconds == 5


def test_a_file_that_the_machine_fails_to_read_is_named_and_the_others_are_tagged(tagger, clips_to_tag, tmp_path):
    failing = tmp_path / "failing.wav"
    failing.symlink_to("/proc/self/mem")
    failed = {}
    tagged = list(tagger.tag([failing, clips_to_tag[0]], failed.__setitem__))
    assert [file.path for file in tagged] == clips_to_tag[:1]
    assert list(failed) == [failing] and "cannot be read: Input/output error" in failed[failing]


def test_along_time_a_file_is_scored_with_its_pauses(store, run, tagger, tmp_path):
    random = np.random.default_rng(1)
    sound = random.normal(0, 3000, 6 * RATE_HZ).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", np.concatenate([sound, np.zeros(14 * RATE_HZ, np.int16)]), RATE_HZ)
    line = tagger.along(tmp_path / "a.wav")
    hop_s = store.config.window_frames // 2 * store.config.hop_samples / RATE_HZ
    np.testing.assert_allclose(np.diff(line.start_s)[:-1], hop_s)
    last = (store.config.frames(20 * RATE_HZ) - store.config.window_frames) * store.config.hop_samples / RATE_HZ
    assert line.start_s[-1] == pytest.approx(last)
    assert len(line.samples) == 20 * RATE_HZ
    silent = line.start_s > 6
    # A window of silence alone is one image, all zeros.
    image = np.zeros((1, store.config.window_frames, store.config.mel_bands, 1), np.float32)
    np.testing.assert_allclose(
        line.scores[silent], np.repeat(run.model()(image).numpy(), silent.sum(), axis=0), rtol=1e-5
    )
    assert not np.allclose(line.scores[0], line.scores[-1])


def test_a_file_that_a_pattern_fits_in_several_ways_is_tagged_once(tmp_path):
    for name in ("a.wav", "sub/b.wav", "sub/deeper/c.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for pattern in ("**", "**/*"):
        found = list(find_audio([str(tmp_path / pattern)], lambda path, reason: pytest.fail(reason), refuse_skip))
        assert sorted(path.name for path in found) == ["a.wav", "b.wav", "c.wav"]


def test_a_folder_means_the_audio_files_below_it_in_order(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("z.wav", "a.FLAC", "b/c.ogg", "b/._c.ogg", "b/d.opus", "b/e.m4a", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    soundfile.write(tmp_path / "b" / "recording", np.zeros(9), RATE_HZ, format="AIFF")
    skipped = []
    found = [str(path.relative_to(tmp_path)) for path in find_audio([str(tmp_path)], refuse, skipped.append)]
    assert found == ["a.FLAC", "z.wav", "b/c.ogg", "b/d.opus", "b/e.m4a", "b/recording"]
    assert skipped == [tmp_path / "notes.txt"]


def test_a_pattern_a_name_with_brackets_and_one_that_is_nothing(tmp_path):
    for name in ("take [1].wav", "take 1.wav", "x.txt"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "empty").mkdir()
    failed = []
    arguments = [str(tmp_path / name) for name in ("take [1].wav", "**/*.wav", "x.txt", "*.mp3", "empty")]
    found = [path.name for path in find_audio(arguments, lambda path, reason: failed.append(path.name), refuse_skip)]
    assert found == ["take [1].wav", "take 1.wav", "x.txt"]  # once each
    assert failed == ["*.mp3", "empty"]


def test_top_gives_the_highest_scores_and_the_first_of_equals(tagger):
    names = tagger.class_names
    assert tagger.top(np.array([0.1, 0.5, 0.2, 0.5, 0.0]), 3) == [(names[1], 0.5), (names[3], 0.5), (names[2], 0.2)]


def test_a_pretrained_network_scores_the_mean_of_windows_at_its_own_hop(yamnet, clips_to_tag):
    tagger = Tagger.pretrained(yamnet)
    for tagged in tag(tagger, clips_to_tag[:3]):
        log_mel, _ = stored_log_mel(load_clip(tagged.path, "test", NAMED["yamnet"]).audio, NAMED["yamnet"])
        last = len(log_mel) - 96
        patches = np.stack([log_mel[start : start + 96] for start in [*range(0, last, 48), last]])
        np.testing.assert_allclose(tagged.scores, yamnet.score(patches).mean(axis=0), atol=1e-5)  # of other batches
        assert [label for label, _ in tagger.top(tagged.scores, 1)] == [yamnet.class_names[tagged.scores.argmax()]]


def command(*arguments):
    return CliRunner().invoke(main, ["tag", *map(str, arguments)])


def test_the_command_prints_a_line_a_tag_where_no_terminal_is(run, tagger, clips_to_tag):
    result = command(run.path, "--top", "2", clips_to_tag[0])
    [tagged] = tag(tagger, [clips_to_tag[0]])
    assert result.stdout.splitlines() == [
        f"{clips_to_tag[0]}\t{label}\t{score:.4f}" for label, score in tagger.top(tagged.scores, 2)
    ]
    assert result.exit_code == 0


def test_the_command_prints_one_json_object_and_ends_with_2_after_a_bad_file(run, clips_to_tag, tmp_path, caplog):
    folder = tmp_path / "sounds"
    folder.mkdir()
    for path in clips_to_tag[:3]:
        shutil.copy(path, folder)
    (folder / "aaa.wav").write_text("no audio")
    for number in range(7):
        (folder / f"{number}.txt").write_text("no audio")
    loud = np.random.default_rng(0).normal(0, 1, RATE_HZ)
    soundfile.write(folder / "zzz.wav", loud, RATE_HZ, subtype="FLOAT")
    result = command(run.path, folder, "--json", "--top", "1")
    found = json.loads(result.stdout)
    assert [row["file"] for row in found["files"]] == [
        *(str(folder / path.name) for path in clips_to_tag[:3]),
        str(folder / "zzz.wav"),
    ]
    assert all(len(row["tags"]) == 1 for row in found["files"])
    assert [row["file"] for row in found["not_tagged"]] == [str(folder / "aaa.wav")]
    assert found["skipped"] == [str(folder / f"{number}.txt") for number in range(7)]
    assert [len(row["notes"]) for row in found["files"]] == [0, 0, 0, 1]
    assert "aaa.wav" in result.stderr
    assert f"{folder / 'zzz.wav'}: peaks of " in result.stderr
    assert f"skipped, not audio: {folder / '0.txt'}, " in caplog.text and " and 2 more" in caplog.text
    assert result.exit_code == 2


def test_with_nothing_tagged_the_json_is_whole_all_the_same(run, tmp_path):
    result = command(run.path, tmp_path / "none.wav", "--json")
    assert json.loads(result.stdout)["files"] == []
    assert result.exit_code == 2


def test_the_timeline_is_a_picture_and_its_numbers_are_in_the_json(run, tagger, clips_to_tag, tmp_path):
    picture = tmp_path / "line.png"
    result = command(run.path, clips_to_tag[7], "--timeline", picture, "--json", "--top", "2")
    [row] = json.loads(result.stdout)["files"]
    line = tagger.along(clips_to_tag[7])
    assert row["timeline"]["start_s"] == line.start_s.tolist()
    assert len(row["timeline"]["scores"]) == 2
    for name, scores in row["timeline"]["scores"].items():
        np.testing.assert_allclose(scores, line.scores[:, tagger.class_names.index(name)], rtol=1e-6)
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("given", ["two files", "a pattern", "a folder"])
def test_a_timeline_of_several_files_is_refused_in_one_line(run, clips_to_tag, tmp_path, given):
    folder = Path(clips_to_tag[0]).parent
    files = {"two files": clips_to_tag[:2], "a pattern": [f"{folder}/*"], "a folder": [folder]}[given]
    result = command(run.path, *files, "--json", "--timeline", tmp_path / "line.png")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "one file" in result.stderr and not result.stdout
    assert not (tmp_path / "line.png").exists()


def test_on_a_terminal_tags_are_a_table_below_the_unbroken_name_of_the_file(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    name = "a folder/" * 20 + "[bold]sound.wav"
    _tag_lines({"file": name, "seconds": 12.16, "tags": [{"label": "Bark", "score": 0.5}]})
    first, second = click.unstyle(capsys.readouterr().out).splitlines()
    assert first == f"{name} (12.2 s)"
    assert second.split() == ["Bark", "0.5000", "█" * 10]


def test_the_command_tags_by_a_network_that_is_named_in_place_of_a_run(
    yamnet, clips_to_tag, monkeypatch, tmp_path, caplog
):
    monkeypatch.chdir(tmp_path)
    [tagged] = tag(Tagger.pretrained(yamnet), [clips_to_tag[0]])
    expected = [f"{clips_to_tag[0]}\t{yamnet.class_names[best]}" for best in np.argsort(-tagged.scores)[:2]]
    result = command("yamnet", "--top", "2", clips_to_tag[0])
    assert [line.rpartition("\t")[0] for line in result.stdout.splitlines()] == expected
    assert "using the pretrained network" not in caplog.text
    (tmp_path / "yamnet").mkdir()
    assert command("yamnet", clips_to_tag[0]).exit_code == 0
    assert "using the pretrained network; for the folder of that name, give ./yamnet" in caplog.text
    result = command("./yamnet", clips_to_tag[0])
    assert result.exit_code == 2 and "not a run folder" in result.stderr
    assert "only runs can be averaged" in command("yamnet", clips_to_tag[0], "--with", "run").stderr


def test_a_network_without_weights_is_told_in_one_line_before_tensorflow_is_loaded(clips_to_tag, tmp_path):
    program = (
        "import sys, urllib.request\nfrom fat2019.cli import main\n"
        "def refuse(request, timeout): raise OSError('no network here')\n"
        "urllib.request.urlopen = refuse\n"
        f"try: main(['tag', 'yamnet', {str(clips_to_tag[0])!r}])\n"
        "finally: print('tensorflow' in sys.modules)"
    )
    environment = {**os.environ, "FAT2019_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stdout) == (2, "False\n")
    [line] = done.stderr.splitlines()
    assert "yamnet: its weights are not in the cache and cannot be downloaded (no network here): put https" in line
    assert line.endswith(f"at {tmp_path / 'yamnet.h5'}")
