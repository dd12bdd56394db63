"""Features: images to one array of features on disk.

In: paths of images.
Out: float16 arrays (N, d), named by what they were made from.
May import: `catalogue` and `codes`; torch only to build an extractor, not to run one.
"""
