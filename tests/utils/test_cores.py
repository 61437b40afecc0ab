import os

import pytest

from fat2019.utils import cores as module
from fat2019.utils.cores import cores


@pytest.fixture(autouse=True)
def cgroups(tmp_path, monkeypatch):
    """A machine of 8 cores whose control groups are files in a folder."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(module, "_CGROUPS", tmp_path)
    monkeypatch.setattr(module, "_OWN_CGROUPS", tmp_path / "own")
    (tmp_path / "own").write_text("0::/user.slice/job.scope\n")
    (tmp_path / "user.slice" / "job.scope").mkdir(parents=True)
    return tmp_path


def test_without_limits_they_are_those_that_the_process_is_bound_to():
    assert cores() == 8


@pytest.mark.parametrize(("place", "limit"), [("user.slice/job.scope", "150000 100000"), (".", "200000 100000")])
def test_a_quota_of_the_group_or_of_one_around_it_counts_as_whole_cores(cgroups, place, limit):
    (cgroups / place / "cpu.max").write_text(limit + "\n")
    assert cores() == 2


@pytest.mark.parametrize("limit", ["max 100000", "", "0 0"])
def test_no_quota_is_no_limit(cgroups, limit):
    (cgroups / "cpu.max").write_text(limit)
    assert cores() == 8


@pytest.mark.parametrize(("quota", "expected"), [(50_000, 1), (-1, 8), (900_000, 8)])
def test_quotas_of_the_first_version(cgroups, quota, expected):
    (cgroups / "own").write_text("8:memory:/x\n3:cpu,cpuacct:/job\n")
    (cgroups / "cpu" / "job").mkdir(parents=True)
    (cgroups / "cpu" / "job" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (cgroups / "cpu" / "job" / "cpu.cfs_period_us").write_text("100000\n")
    assert cores() == expected


def test_a_system_without_control_groups_has_no_quota(cgroups):
    (cgroups / "own").unlink()
    assert cores() == 8
