"""Searches of the index `shop`, for comparisons of remote indexes with the index file."""

from hypothesis import strategies as st

from dualhash.search import Item
from dualhash.search.storage.payload_columns import as_text, facts_of

ITEMS = 120
"""Items that the index had before four were deleted."""

FILTERS = st.sampled_from(
    [
        {"year": 2001},
        {"year": "2001", "sale": True},
        {"type": 'it\'s "é"\\'},
        {"category": "circle"},
        {"category": "square"},
        {"price": 0.1 * 3},
        {"n": None},
    ]
)
CONDITIONS = st.lists(st.sampled_from(["red", "green", "blue"]), min_size=1, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({"want": st.just(names[:1]), "without": st.just(names[1:])})
)
TASKS = st.one_of(
    st.fixed_dictionaries({}, optional={"radius": st.integers(0, 16)}),
    st.builds(
        lambda conditions, rest: conditions | rest | {"task": "combined"},
        CONDITIONS,
        st.fixed_dictionaries({}, optional={"radius": st.integers(0, 16)}),
    ),
    CONDITIONS.map(lambda conditions: conditions | {"task": "attribute"}),
    st.just({"task": "attribute", "match": ["red", "green", "blue"]}),
)
LIMITS = st.fixed_dictionaries(
    {"k": st.sampled_from([1, 2, 3, 10, 40, 200])},
    optional={
        "filter": FILTERS,
        "ids": st.just((20, 90)),
        "offset": st.sampled_from([0, 1, 30, 200]),
    },
)
QUERIES = st.one_of(st.integers(1, 6), st.integers(60, 100), st.binary(min_size=2, max_size=2))


def has(item: Item, field: str, value: object) -> bool:
    facts = facts_of(item.labels.category, item.payload)
    return facts.get(field) == as_text(value)
