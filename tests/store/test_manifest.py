"""The manifest: its one text, and what of a text is believed."""

import copy
import dataclasses
import hashlib
import json
import string

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fat2019.config.features import NAMED, FeatureConfig
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError, OtherVersion
from fat2019.store.formats import FORMATS, shard_files
from fat2019.store.manifest import (
    ClipTable,
    Header,
    Manifest,
    QuarantineTable,
    ShardRecord,
    dumps,
    from_bytes,
    read_manifest,
    to_bytes,
)
from fat2019.store.schema import FORMAT_VERSION, READ_VERSIONS
from fat2019.store.shards import FileRecord, shard_index

NAMES = string.ascii_letters + string.digits + " _.,é漢"


def manifest_of(fnames, formats=FORMATS, count=4, quarantined=(), seed=0, version=FORMAT_VERSION):
    """A manifest such as a builder writes, of clips of made-up lengths."""
    rng = np.random.default_rng(seed)
    config = FeatureConfig()
    header = Header(
        config, Vocabulary(("Bark", "Gong", "Meow")), tuple(formats), {"curated": count, "test": 1}, version
    )
    shards = []
    for split, name in header.names():
        index = int(name.split("-")[1])
        mine = [fname for fname in sorted(fnames) if split == "curated" and shard_index(fname, count) == index]
        good, bad = ([fname for fname in mine if (fname in quarantined) is wanted] for wanted in (False, True))
        samples = rng.integers(100, 90_000, len(good)).tolist()
        key = hashlib.sha256(name.encode()).hexdigest()
        stem = name if version == 1 else f"{name}-{key[:12]}"
        size = 1_000 + sum(2 * some + 80 * config.frames(max(some, 48_000)) * 9 for some in samples)
        shards.append(
            ShardRecord(
                name,
                split,
                key,
                tuple(
                    FileRecord(file, size, hashlib.sha256(file.encode()).hexdigest())
                    for file in (shard_files(stem, formats) if good else ())
                ),
                ClipTable(
                    tuple(good),
                    tuple(tuple(np.flatnonzero(rng.integers(0, 2, 3)).tolist()) for _ in good),
                    tuple("" for _ in good),
                    tuple(samples),
                    tuple(config.frames(max(some, 48_000)) for some in samples),
                    tuple(44_100 for _ in good),
                    tuple(3 * some for some in samples),
                    tuple(rng.integers(0, 2, len(good)).tolist()),
                    tuple(6 * some for some in samples),
                    tuple(1_700_000_000_000_000_000 + some for some in samples),
                    source_sha256=None if version == 1 else tuple(hashlib.sha256(b"x").hexdigest() for _ in good),
                    notes=None if version == 1 else tuple("scaled" for _ in good),
                ),
                QuarantineTable(
                    tuple(bad), tuple("no signal" for _ in bad), tuple(44 for _ in bad), tuple(0 for _ in bad)
                ),
            )
        )
    return Manifest(header, tuple(shards))


FNAMES = [f"{number:04x}.wav" for number in range(12)]
MANIFESTS = {version: manifest_of(FNAMES, quarantined=["0003.wav"], version=version) for version in READ_VERSIONS}
TEXTS = {version: to_bytes(manifest) for version, manifest in MANIFESTS.items()}
TEXT = TEXTS[FORMAT_VERSION]


def seal(fields):
    """The text of JSON fields with a SHA-256 that holds, as a hostile writer would make it."""
    shards = ",\n".join(dumps(shard) for shard in fields["shards"])
    text = f'{{"header":{dumps(fields["header"])},\n"shards":[\n{shards}\n],\n'
    return f'{text}"sha256":"{hashlib.sha256(text.encode()).hexdigest()}"}}\n'.encode()


@settings(max_examples=40)
@given(
    st.sets(st.text(NAMES, min_size=1, max_size=12).filter(lambda name: name not in (".", "..")), max_size=12),
    st.sampled_from([FORMATS, ("hdf5",), ("tfrecord",)]),
    st.integers(0, 9),
    st.sampled_from(READ_VERSIONS),
)
def test_a_manifest_comes_back_as_it_was(fnames, formats, seed, version):
    manifest = manifest_of(fnames, formats, quarantined=sorted(fnames)[::3], seed=seed, version=version)
    assert from_bytes(to_bytes(manifest)) == manifest


def test_the_helper_that_forges_manifests_can_write_a_good_one():
    assert seal(json.loads(TEXT)) == TEXT


def test_any_flipped_byte_is_found():
    for position in range(0, len(TEXT), 3):
        for flip in (0x01, 0x20, 0x80):
            damaged = bytearray(TEXT)
            damaged[position] ^= flip
            with pytest.raises(DataError):
                from_bytes(bytes(damaged))


def test_any_truncation_is_found():
    for length in range(0, len(TEXT) - 1, 5):
        with pytest.raises(DataError):
            from_bytes(TEXT[:length])


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10)
    | st.sampled_from([2**63, -1, 10**30, 1e300, "../x", "\ud800", "a\0b", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PLACES = sorted(places({key: json.loads(TEXT)[key] for key in ("header", "shards")}), key=repr)


@settings(max_examples=400)
@given(st.lists(st.tuples(st.sampled_from(PLACES[1:]), JSON, st.booleans()), min_size=1, max_size=3))
def test_a_forged_manifest_is_refused_or_sound_and_nothing_else_happens(changes):
    fields = json.loads(TEXT)
    for path, value, remove in changes:
        parent = fields
        try:
            for key in path[:-1]:
                parent = parent[key]
            if remove:
                del parent[path[-1]]
            else:
                parent[path[-1]] = copy.deepcopy(value)
        except (KeyError, IndexError, TypeError):  # an earlier change took it away
            continue
    if "header" not in fields or not isinstance(fields.get("shards"), list):  # then there is no such text to forge
        return
    try:
        manifest = from_bytes(seal(fields))
    except DataError as error:
        assert "\n" not in str(error)
    else:
        assert from_bytes(to_bytes(manifest)) == manifest  # what is believed is of the right types throughout


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"1" * 10_000,
        b"NaN",
        b'{"header":1,"shards":[],"sha256":""}',
        b'{"header":{"format_version":1},"shards":[],"sha256":""}',
    ],
)
def test_texts_that_are_no_manifest_are_refused(text):
    with pytest.raises(DataError):
        from_bytes(text)


@pytest.fixture(params=READ_VERSIONS)
def forge(request):
    """Changes the fields of a manifest of every version, and gives the message with which it is refused."""

    def refused(change):
        fields = json.loads(TEXTS[request.param])
        change(fields)
        with pytest.raises(DataError) as caught:
            from_bytes(seal(fields))
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return refused


def full_shard(fields):
    return next(shard for shard in fields["shards"] if len(shard["clips"]["fname"]) > 1)


def test_names_that_lead_elsewhere_are_refused(forge):
    for name in ("../x.h5", "/etc/passwd", "a/b", "..", "x\0", "a\\b"):
        assert "files" in forge(lambda fields, name=name: full_shard(fields)["files"][0].update(name=name))
        assert "name of a file" in forge(
            lambda fields, name=name: full_shard(fields)["clips"].update(
                fname=[name, *full_shard(fields)["clips"]["fname"][1:]]
            )
        )
        assert "expected the shard" in forge(lambda fields, name=name: full_shard(fields).update(name=name))


def test_lengths_that_the_files_could_not_hold_are_refused(forge):
    def grow(fields):
        clips = full_shard(fields)["clips"]
        clips["samples"][0] = 10**12
        clips["frames"][0] = FeatureConfig().frames(10**12)

    assert "too short for its clips" in forge(grow)


def test_lengths_that_contradict_each_other_are_refused(forge):
    assert "do not follow" in forge(lambda fields: full_shard(fields)["clips"]["frames"].__setitem__(0, 5))


def test_columns_of_different_lengths_are_refused(forge):
    assert "equal lengths" in forge(lambda fields: full_shard(fields)["clips"]["usage"].append(""))


def test_labels_beyond_the_vocabulary_are_refused(forge):
    assert "beyond the vocabulary" in forge(lambda fields: full_shard(fields)["clips"]["labels"].__setitem__(0, [3]))


def test_clips_out_of_order_or_in_another_shard_are_refused(forge):
    assert "ascending" in forge(lambda fields: full_shard(fields)["clips"]["fname"].reverse())
    assert "another shard" in forge(lambda fields: full_shard(fields)["clips"]["fname"].__setitem__(-1, "zz.wav"))


def test_a_clip_that_occurs_twice_is_refused(forge):
    def twice(fields):
        first = full_shard(fields)["clips"]["fname"][0]
        quarantine = fields["shards"][-1]["quarantine"]  # that of the test split, whose one shard takes any name
        quarantine.update(fname=[first], reason=["x"], source_bytes=[1], source_mtime_ns=[1])

    assert "twice" in forge(twice)


def test_a_huge_number_of_shards_is_refused_without_making_them(forge):
    assert "shard_counts" in forge(lambda fields: fields["header"]["shard_counts"].update(curated=2**40))


@pytest.mark.parametrize("version", [0, 3, 10**9])
def test_another_format_version_is_named_with_what_to_do(version, tmp_path):
    fields = json.loads(TEXT)
    fields["header"] = {"format_version": version}  # of which nothing else is known
    (tmp_path / "manifest.json").write_bytes(seal(fields))
    with pytest.raises(OtherVersion, match=f"version {version}, and this program reads versions 1 and 2: build it"):
        read_manifest(tmp_path)


def test_a_configuration_that_does_not_match_its_digest_is_refused(forge):
    assert "digest" in forge(lambda fields: fields["header"]["config"].update(fmin_hz=20.0))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_fft", 1024.0),
        ("n_fft", True),
        ("n_fft", "1024"),
        ("mel_bands", 2**40),
        ("power_floor", 1e300),
        ("dtype", "object"),
        ("silence", {}),
        ("silence", [1]),
    ],
)
def test_a_configuration_of_other_types_is_refused(name, value, forge):
    assert name in forge(lambda fields: fields["header"]["config"].update({name: value}))


def test_a_manifest_that_is_a_link_or_a_device_is_refused(tmp_path):
    (tmp_path / "elsewhere").write_bytes(TEXT)
    (tmp_path / "manifest.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"manifest\.json"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").unlink()
    (tmp_path / "manifest.json").symlink_to("/dev/zero")
    with pytest.raises(DataError):
        read_manifest(tmp_path)


def test_the_hash_can_be_checked_by_hand():
    body, last = TEXT[: TEXT.rstrip().rindex(b"\n") + 1], TEXT.splitlines()[-1]
    assert last == b'"sha256":"' + hashlib.sha256(body).hexdigest().encode() + b'"}'


def test_every_field_of_a_shard_enters_the_text():
    for version, text in TEXTS.items():
        stored = json.loads(text)["shards"][0]["clips"]
        columns = msgspec.structs.asdict(MANIFESTS[version].shards[0].clips)
        assert stored == msgspec.to_builtins(
            {name: list(column) for name, column in columns.items() if column is not None}
        )
        assert stored.keys() == {*columns} - ({"source_sha256", "notes"} if version == 1 else set()) - {"fold", "group"}


def with_clips(version, **columns):
    """The manifest with other columns of its fullest shard."""
    shards = list(MANIFESTS[version].shards)
    fullest = max(range(len(shards)), key=lambda number: len(shards[number].clips.fname))
    clips = msgspec.structs.replace(shards[fullest].clips, **columns)
    shards[fullest] = dataclasses.replace(shards[fullest], clips=clips)
    return dataclasses.replace(MANIFESTS[version], shards=tuple(shards))


@pytest.mark.parametrize("version", READ_VERSIONS)
def test_folds_and_groups_are_kept_where_a_shard_has_them(version):
    clips = max(len(shard.clips.fname) for shard in MANIFESTS[version].shards)
    manifest = with_clips(version, fold=("1", "validation", *[""] * (clips - 2)), group=("caf\xe9",) * clips)
    assert clips > 2 and from_bytes(to_bytes(manifest)) == manifest


@pytest.mark.parametrize("version", READ_VERSIONS)
@pytest.mark.parametrize("fold", [("1",) * 100, (1,), "1"])
def test_a_column_of_folds_that_no_builder_writes_is_refused(fold, version):
    with pytest.raises(DataError, match=r"fold|columns"):
        from_bytes(to_bytes(with_clips(version, fold=fold)))


def test_a_column_of_another_version_is_refused(forge):
    def exchange(fields):
        clips = full_shard(fields)["clips"]
        if clips.pop("source_sha256", None) is None:
            clips["source_sha256"] = ["0" * 64] * len(clips["fname"])

    assert "source_sha256 does not go with version" in forge(exchange)


def test_members_that_nobody_knows_are_refused(forge):
    assert "unknown field" in forge(lambda fields: fields["header"].update(note="x"))
    assert "unknown field" in forge(lambda fields: full_shard(fields).update(note="x\ny"))
    assert "unknown field" in forge(lambda fields: full_shard(fields)["clips"].update(note=[]))


def test_what_is_read_is_bounded_before_it_is_trusted(tmp_path):
    fields = json.loads(TEXT)
    fields["header"]["vocabulary"] = [str(number) for number in range(20_000)]
    with pytest.raises(DataError, match="vocabulary: expected array of length <= 16384"):
        from_bytes(seal(fields))
    with (tmp_path / "manifest.json").open("wb") as file:
        file.truncate(1 << 40)  # a hole, which takes no room
    with pytest.raises(DataError, match="no manifest is larger than 1024 MiB"):
        read_manifest(tmp_path)


def test_a_configuration_with_fields_that_came_later_is_written_and_read():
    empty = manifest_of([])
    later = dataclasses.replace(empty, header=dataclasses.replace(empty.header, config=NAMED["yamnet"]))
    assert b'"scaling":"none"' in to_bytes(later)
    assert b'"scaling"' not in to_bytes(empty)
    assert from_bytes(to_bytes(later)) == later
