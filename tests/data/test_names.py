import pytest

from fat2019.data.names import clip_name, file_name, likely_mistake, relative_path
from fat2019.errors import DataError


@pytest.mark.parametrize(
    ("missing", "there", "words"),
    [
        ("a.wav", "a.WAV", "capitals and small letters differ"),
        ("a.wav", "A.wav", "capitals"),
        ("a.wav", "a.flac", "the suffix differs"),
        ("cafe\u0301.wav", "caf\xe9.wav", "another Unicode form"),
        ("a.wav .wav", "a.wav", "other blanks"),
        ("a b.wav", "ab.wav", "other blanks"),
        ("100000.wav", "1e05.wav", "a spreadsheet may have taken the name for a number"),
        ("12.wav", "00012.wav", "a spreadsheet"),
        ("64760.0.wav", "64760.wav", "a spreadsheet"),
        ("recording_001.wav", "recording_01.wav", "did you mean 'recording_01.wav'?"),
    ],
)
def test_the_likely_mistake_is_told_by_what_is_there(missing, there, words):
    message = likely_mistake(missing, ["zzz.wav", there])
    assert message is not None and words in message and repr(there) in message


@pytest.mark.parametrize("missing", ["q.wav", "nan.wav", "1.wav"])
def test_a_name_that_nothing_comes_near_has_no_likely_mistake(missing):
    assert likely_mistake(missing, ["zzz.wav", "NaN(1).wav", "00012.wav"]) is None


def test_names_get_a_suffix_and_paths_keep_their_folders():
    assert file_name("x", "a") == "a.wav" and file_name("x", "a.FLAC") == "a.FLAC"
    assert relative_path("x", "./b\\a.wav") == "b/a.wav"
    assert clip_name("b/a.wav") == "b__a.wav"


@pytest.mark.parametrize("name", ["a\nb.wav", "a\x1b[31m.wav"])
def test_names_of_several_lines_or_control_characters_are_refused(name):
    for read in (file_name, relative_path):
        with pytest.raises(DataError, match="line 2: the name"):
            read("line 2", name)


def test_a_path_too_long_for_a_name_is_refused():
    with pytest.raises(DataError, match="longer than the 255 characters"):
        clip_name("/".join(["folder"] * 40))
