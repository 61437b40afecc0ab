import os

from fat2019.utils.printable import counted, one_line, printable


def test_control_characters_and_bytes_that_are_no_text_are_escapes():
    assert printable("a\x1b[31mb\x9b\x00") == r"a\x1b[31mb\x9b\x00"
    assert printable(os.fsdecode(b"caf\xe9.wav")) == r"caf\xe9.wav"


def test_lines_and_tabs_of_a_message_stay_and_those_of_a_name_do_not():
    assert printable("a\n\tb\r") == "a\n\tb\\x0d"
    assert one_line("a\n\tb\r") == r"a\n\tb\x0d"


def test_letters_of_all_scripts_stay():
    assert printable("café 犬 \N{DOG FACE} a\xa0b") == "café 犬 \N{DOG FACE} a\xa0b"


def test_one_of_a_kind_is_no_plural():
    assert [counted(count, "clip") for count in (0, 1, 2, 12_345)] == ["0 clips", "1 clip", "2 clips", "12,345 clips"]
    assert [counted(count, "class") for count in (1, 3)] == ["1 class", "3 classes"]
