import os

import pytest

from fat2019.errors import DataError
from fat2019.utils.table_reader import read_table


def write(folder, text, name="t.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(path):
    with pytest.raises(DataError) as caught:
        read_table(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    return str(caught.value)


def test_cells_stay_text_and_rows_know_their_lines(tmp_path):
    table = read_table(write(tmp_path, '\ufefffname,labels\r\n\r\n00012,"a\r\nb"\r\n1e05,c\r\n'))
    assert table.header == ("fname", "labels")
    assert [(row.line, row.cells) for row in table.rows] == [(3, ("00012", "a\r\nb")), (5, ("1e05", "c"))]
    assert table.column("fname") == ["00012", "1e05"]
    assert table.where(table.rows[1]) == f"{tmp_path}/t.csv, line 5"


def test_reading_may_stop_early(tmp_path):
    assert len(read_table(write(tmp_path, "a\n1\n2\nx,y\n"), most_rows=2).rows) == 2


@pytest.mark.parametrize("rows", [3, 20_000])
def test_a_quote_that_is_never_closed_is_named_with_the_line_that_opens_it(tmp_path, rows):
    lines = ["fname,labels", *(f"{number}.wav,Dog" for number in range(rows))]
    lines[2] = '1.wav,"Dog'
    message = refusal(write(tmp_path, "\n".join(lines)))
    assert "t.csv, line 3: cannot be read as CSV: a quote is opened there and not closed" in message


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_cell_beyond_the_limit_of_csv_is_not_blamed_on_a_quote(tmp_path, quote):
    message = refusal(write(tmp_path, f"fname,labels\na.wav,{quote}{'x' * 140_000}{quote}\n"))
    assert message.endswith("t.csv, line 2: cannot be read as CSV: a cell is longer than 131,072 characters")


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("fname;labels\na.wav;Dog\n", "semicolons"),
        ('\ufeff"fname";"labels"\r\n"a.wav";"Dog,Cat"\r\n', "semicolons"),
        ("fname\tlabels\na.wav\tDog\n", "tabs"),
        ("\nfname|labels\na.wav|Dog\n", "vertical bars"),
    ],
)
def test_other_separators_are_named_with_their_line(tmp_path, text, separator):
    line = 2 if text.startswith("\n") else 1
    assert f"t.csv, line {line}: cells separated by {separator}" in refusal(write(tmp_path, text))


def test_a_file_of_tabs_is_read_by_its_suffix(tmp_path):
    assert read_table(write(tmp_path, "a\tb\n1\t2,3\n", "t.tsv")).rows[0].cells == ("1", "2,3")


def test_json_lines_give_a_cell_a_key(tmp_path):
    table = read_table(write(tmp_path, '{"a": "x", "b": ["1", "2"]}\n\n{"a": null, "c": 3}\n', "t.jsonl"))
    assert table.header == ("a", "b", "c")
    assert [(row.line, row.cells) for row in table.rows] == [(1, ("x", "1,2", "")), (3, ("", "", "3"))]


@pytest.mark.parametrize(
    ("text", "words"), [("{", "line 1: no JSON"), ("[1]\n", "JSON object"), ("\n", "an empty file")]
)
def test_json_lines_that_are_none_are_refused(tmp_path, text, words):
    assert words in refusal(write(tmp_path, text, "t.jsonl"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "an empty file"),
        ("a,b\n1\n", "line 2: expected 2 cells, received 1"),
        (b"a\n\xff\n", "not UTF-8"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, text, words):
    assert words in refusal(write(tmp_path, text))


def test_what_is_no_plain_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "fifo.csv")
    assert "no plain file" in refusal(tmp_path / "fifo.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "a folder" in refusal(tmp_path / "folder.csv")
    assert "No such file" in refusal(tmp_path / "none.csv")
