"""Image files to pixels and thumbnails, decoded in separate processes with limited rights.

In: bytes of an upload, or the path of an indexed image.
Out: RGB pixels, or a WebP thumbnail.
May import: `catalogue.images` and `serve.http`.
"""
