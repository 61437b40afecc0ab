from fat2019.utils.tables import markdown_table


def test_text_is_aligned_to_the_left_and_numbers_to_the_right():
    table = markdown_table(["network", "LWLRAP", "epochs"], [["simple", "0.4", "50"], ["a|b", "", "1"]])
    assert table == "| network | LWLRAP | epochs |\n|---|---:|---:|\n| simple | 0.4 | 50 |\n| a\\|b |  | 1 |\n"


def test_several_columns_may_be_text_and_a_table_without_rows_has_its_heads():
    assert markdown_table(["a", "b", "c"], [], text_columns=2) == "| a | b | c |\n|---|---|---:|\n"
