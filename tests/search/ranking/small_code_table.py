from dualhash.codes import Calibration, LinearHead
from dualhash.search.ranking.attribute_predicates import AttributePredicates, choose
from dualhash.search.request import SearchRequest


def predicates(head: LinearHead, **options: object) -> AttributePredicates:
    """The attributes that the options of a search choose, without a query."""
    return choose(head, SearchRequest(**options), None, Calibration())
