import pytest

from dualhash.baselines import ksh, sdh


@pytest.fixture(autouse=True)
def few_anchors(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as a few hundred images need."""
    monkeypatch.setattr(ksh, "ANCHORS", 60)
    monkeypatch.setattr(sdh, "ANCHORS", 200)
