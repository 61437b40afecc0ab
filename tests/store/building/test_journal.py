"""The journal of an unfinished store: cut short, of another program, not to be read."""

import io

import google_crc32c
import pytest

from fat2019.errors import DataError
from fat2019.store.building.journal import read_journal
from fat2019.store.manifest import MANIFEST_NAME
from tests.builds import build, refusal
from tests.faults.sounds import contents


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (b'{"format_version":3}', "a store of format version 3, and this program reads versions 1 and 2"),
        (b"[]", "damaged: the header: expected object, got array"),
    ],
)
def test_a_journal_that_is_not_of_this_program_is_named(sounds, tmp_path, other, words):
    journal = tmp_path / "s" / "build.journal"
    journal.parent.mkdir()
    journal.write_bytes(b"%08x %s\n" % (google_crc32c.value(other), other))
    assert refusal(sounds, tmp_path / "s").startswith(f"{journal}: {words}")


def test_a_journal_that_the_disk_cannot_read_is_named(tmp_path, monkeypatch):
    # Reading a process's memory from address 0 fails as a broken disk does.
    monkeypatch.setattr("fat2019.store.building.journal.open_regular", lambda path: io.FileIO("/proc/self/mem"))
    (tmp_path / "build.journal").touch()
    with pytest.raises(DataError, match=r"build\.journal: cannot be read: Input/output error"):
        read_journal(tmp_path)


@pytest.mark.parametrize(
    "tail", [b"", b"0", b"deadbeef {", b'00000000 {"name":"curated-00000-of-00004"}\n', b"\xff" * 9]
)
def test_a_journal_that_was_cut_short_keeps_its_whole_lines(sounds, tmp_path, tail):
    out, journals = tmp_path / "s", []
    build(sounds, out, progress=lambda done, every: journals.append((out / "build.journal").read_bytes()))
    good, shards = contents(out), len(journals)
    (out / MANIFEST_NAME).unlink()
    (out / "build.journal").write_bytes(journals[1] + tail)  # two shards are noted
    summary = build(sounds, out)
    assert (summary.shards_reused, summary.shards_built) == (2, shards - 2)
    assert contents(out) == good
