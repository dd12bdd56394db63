"""Images with their labels and subsets.

In: a table, a folder of images, one image file, or a known data set.
Out: a `Catalogue`, and decoded pixels.
May import: only the shared modules, such as `errors` and `files`, as every package may.
"""
