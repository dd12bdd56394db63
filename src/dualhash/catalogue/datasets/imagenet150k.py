"""ImageNet-150K: 150,000 images of 1,000 categories of ILSVRC 2012, 25 attributes.

Section 4.1 of the paper; `dataset_info.mat` of the released code. Categories are WordNet ids.

Expected under ROOT: `dataset_info.mat`; the training images, such as
`n01440764/n01440764_10398.JPEG`, in `train/` or directly; the validation images, such as
`ILSVRC2012_val_00040833.JPEG`, in `val/`, in a folder per category in `val/`, or directly.
"""

from dualhash.catalogue.datasets.paper_labels import Release

IMAGENET150K = Release(
    name="imagenet150k",
    categories=1_000,
    partition=(5_000, 43_000, 100_000, 2_000),
    train_places=("train/{name}", "{name}"),
    test_places=("val/{name}", "val/{category}/{name}", "{name}"),
)
