"""Features: images to one array of features on disk.

Takes paths of images; gives float16 arrays (N, d), named by what they were made from.
May import `catalogue` and `codes`. Running an extractor needs no torch; building one does.
"""
