"""What a build says that it found and did."""

import pytest

from fat2019.store.building.summary import summarise
from fat2019.store.manifest import read_manifest
from tests.builds import build
from tests.faults.sounds import write_sounds


def test_a_summary_is_of_the_whole_store_but_for_the_shards(tmp_path):
    sounds = write_sounds(tmp_path / "sounds", curated=4, noisy=2)
    (sounds / "train_curated" / "c000.wav").write_text("no sound")
    first = build(sounds, tmp_path / "store", splits=("curated", "noisy"))
    assert [fname for fname, _ in first.quarantined] == ["c000.wav"]
    assert "c000.wav" in first.quarantined[0][1]
    again = summarise(read_manifest(tmp_path / "store"), first.seconds, built=0, reused=6, removed=0)
    assert (again.clips, again.quarantined, again.notes) == (5, first.quarantined, first.notes)
    assert 0 < again.audio_seconds_after <= again.audio_seconds_before == pytest.approx(first.audio_seconds_before)
    assert again.up_to_date and not first.up_to_date and again.shards_reused == 6
    assert not summarise(read_manifest(tmp_path / "store"), 0.0, built=0, reused=6, removed=1).up_to_date
