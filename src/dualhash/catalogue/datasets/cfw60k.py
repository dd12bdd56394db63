"""CFW-60K: 60,000 faces of 500 people, 14 attributes.

Section 4.1 of the paper, from Li et al. 2015; `dataset_info.mat` of the released code. The names
of the 14 attributes are neither in that file nor in the paper, which mentions gender, age and
race, so they are numbered.

Expected under ROOT: `dataset_info.mat`, and the folders of people, such as `adriana_lima/`,
directly or in `cfw_60k/`.
"""

from dualhash.catalogue.datasets.paper_labels import Release

PLACES = ("{name}", "cfw_60k/{name}")

CFW60K = Release(
    name="cfw60k",
    categories=500,
    partition=(1_000, 4_000, 50_000, 5_000),
    train_places=PLACES,
    test_places=PLACES,
    attributes=tuple(f"attribute-{j:02d}" for j in range(1, 15)),
)
