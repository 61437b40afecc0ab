"""What is checked before TensorFlow is loaded."""

from tests.cli.running import failure, run


def test_a_folder_that_is_not_there_is_named(tmp_path):
    assert str(tmp_path / "nothing") in failure("build-features", tmp_path / "nothing", "--out", tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_no_store_no_run_and_no_recipe_are_told_apart(data, tmp_path):
    assert str(tmp_path / "none") in failure("info", tmp_path / "none")
    assert str(tmp_path / "none") in failure("evaluate", tmp_path / "none")
    run("build-features", data, "--out", tmp_path / "store", "--workers", 1)
    assert "recipe" in failure("train", "--features", tmp_path / "store", "--recipe", "none", "--run", tmp_path / "run")
    assert not (tmp_path / "run" / "config.json").exists()


def test_a_run_of_another_vocabulary_is_refused(data, trained, tmp_path):
    store, out = tmp_path / "store", tmp_path / "out"
    run("build-features", data, "--out", store, "--workers", 1)
    commands = (("evaluate", trained), ("predict", trained, "--out", out), ("report", trained, "--out", out))
    for command in (*commands, ("train", "--run", trained, "--config", trained / "config.json")):
        message = failure(*command, "--features", store)
        assert "vocabulary" in message and str(trained) in message
    assert not out.exists()
