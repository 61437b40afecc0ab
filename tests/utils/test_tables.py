from pathlib import Path

from fat2019.utils.tables import markdown_table, say_formulas


def test_text_is_aligned_to_the_left_and_numbers_to_the_right():
    table = markdown_table(["network", "LWLRAP", "epochs"], [["simple", "0.4", "50"], ["a|b", "", "1"]])
    assert table == "| network | LWLRAP | epochs |\n|---|---:|---:|\n| simple | 0.4 | 50 |\n| a\\|b |  | 1 |\n"


def test_several_columns_may_be_text_and_a_table_without_rows_has_its_heads():
    assert markdown_table(["a", "b", "c"], [], text_columns=2) == "| a | b | c |\n|---|---|---:|\n"


def test_names_that_a_spreadsheet_would_run_are_told_once_and_others_never(caplog):
    say_formulas(Path("s.csv"), ["Bark", "a=b.wav", "1-2.wav", "Bark, loud"])
    assert caplog.messages == []
    say_formulas(Path("s.csv"), ["=1+1.wav", "+a", "-b", "@c", "\td", "=1+1.wav", "e"])
    [line] = caplog.messages
    assert line.startswith("s.csv: a spreadsheet would read names as formulas ('\\td', '+a', '-b', ...)")
