import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualhash.search.storage.payload_columns import as_text, facts_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2001, "2001"),
        (2001.0, "2001"),
        ("2001.00", "2001"),
        (2.001e22, "20010000000000000000000"),
        ("2e79", "2e79"),
        ("2.001e3", "2.001e3"),
        (-1.50, "-1.5"),
        (1e-7, "0.0000001"),
        (10**30 + 1, f"1{'0' * 29}1"),
        ("-0.0", "0"),
        ("007", "007"),
        ("+7", "+7"),
        ("7.", "7."),
        ("7\n", "7\n"),
        ("٣", "٣"),
        ("1e9999", "1e9999"),
        ("NaN", "NaN"),
        ("", ""),
        (None, "null"),
        (True, "true"),
        ([1.0, "é"], '[1.0, "é"]'),
    ],
)
def test_payload_values_are_converted_to_text(value: object, text: str):
    assert as_text(value) == text
    assert as_text(text) == text


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers())
def test_numbers_keep_their_values(number: float, whole: int):
    assert float(as_text(number)) == number
    assert int(as_text(whole)) == whole
    assert as_text(f"{whole}.0") == as_text(whole)


def test_a_category_label_replaces_a_payload_field_of_that_name():
    assert facts_of("12.0", {"category": "x", "size": 4.0}) == {"category": "12", "size": "4"}
    assert facts_of(None, {"category": "x"}) == {}
