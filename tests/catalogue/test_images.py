import io
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from dualhash.catalogue import images
from dualhash.catalogue.images import (
    ImageError,
    Preprocessing,
    centre_crop,
    decode,
    load_image,
    probe,
)

RED, WHITE, BLUE = (255, 0, 0), (255, 255, 255), (0, 0, 255)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A noisy JPEG of 40 × 30 pixels, large enough to be cut short."""
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    path = tmp_path / "photo.jpg"
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp", "gif", "ppm"])
def test_formats_give_the_same_pixels(tmp_path: Path, suffix: str):
    path = tmp_path / f"x.{suffix}"
    image = Image.new("RGB", (3, 2), WHITE)
    image.putpixel((2, 0), RED)
    image.save(path, **({"lossless": True} if suffix == "webp" else {}))
    decoded = decode(path)
    assert (decoded.mode, decoded.size) == ("RGB", (3, 2))
    assert decoded.getpixel((2, 0)) == RED
    assert decoded.getpixel((0, 0)) == WHITE


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str):
    path = tmp_path / ("x.tif" if mode == "CMYK" else "x.png")
    white = {"I;16": 65535, "LA": (255, 255), "RGBA": (*WHITE, 255), "CMYK": (0, 0, 0, 0)}
    if mode == "P":
        Image.new("RGB", (2, 2), WHITE).quantize().save(path)
    else:
        Image.new(mode, (2, 2), white.get(mode, 255)).save(path)
    assert np.array_equal(np.asarray(decode(path)), np.full((2, 2, 3), 255))


def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path):
    grey = np.array([[256, 257, 128 * 257, 65535]], np.uint16)
    Image.fromarray(grey).save(tmp_path / "x.png")
    assert np.asarray(decode(tmp_path / "x.png"))[0, :, 1].tolist() == [0, 1, 128, 255]


def test_transparency_is_put_on_white(tmp_path: Path):
    image = Image.new("RGBA", (3, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (255, 0, 0, 255))
    image.putpixel((2, 0), (0, 0, 0, 51))
    image.save(tmp_path / "x.png")
    pixels = np.asarray(decode(tmp_path / "x.png"))[0]
    assert pixels.tolist() == [list(WHITE), list(RED), [204, 204, 204]]


def test_a_transparent_palette_entry_is_white(tmp_path: Path):
    image = Image.new("P", (2, 1))
    image.putpalette([*BLUE, *RED])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "x.gif", transparency=0)
    pixels = np.asarray(decode(tmp_path / "x.gif"))[0]
    assert pixels.tolist() == [list(WHITE), list(RED)]


def test_exif_orientation_is_applied(tmp_path: Path):
    image = Image.new("RGB", (2, 1), WHITE)
    image.putpixel((0, 0), RED)
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its left side: turn clockwise
    image.save(tmp_path / "x.png", exif=exif)
    decoded = decode(tmp_path / "x.png")
    assert decoded.size == (1, 2)
    assert decoded.getpixel((0, 0)) == RED


def test_an_animation_is_its_first_frame(tmp_path: Path):
    frames = [Image.new("RGB", (2, 2), colour) for colour in (RED, BLUE)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    assert decode(tmp_path / "x.gif").getpixel((0, 0)) == RED


@pytest.mark.parametrize("read", [decode, probe])
class TestFailures:
    def test_missing(self, read, tmp_path):
        with pytest.raises(ImageError, match=r"none\.jpg does not exist"):
            read(tmp_path / "none.jpg")

    def test_a_folder(self, read, tmp_path):
        with pytest.raises(ImageError, match="cannot be read"):
            read(tmp_path)

    @pytest.mark.parametrize("content", [b"", b"not an image"])
    def test_not_an_image(self, read, tmp_path, content):
        (tmp_path / "x.jpg").write_bytes(content)
        with pytest.raises(ImageError, match=r"x\.jpg is not an image"):
            read(tmp_path / "x.jpg")

    @pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "webp", "bmp"])
    def test_truncated(self, read, photo, suffix):
        path = photo.with_name(f"cut.{suffix}")
        Image.open(photo).save(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
        with pytest.raises(ImageError, match=rf"cut\.{suffix}"):
            read(path)

    def test_damaged_inside(self, read, photo):
        path = photo.with_suffix(".png")
        Image.open(photo).save(path)
        content = bytearray(path.read_bytes())
        content[100:140] = bytes(40)
        path.write_bytes(content)
        with pytest.raises(ImageError, match=r"photo\.png cannot be read"):
            read(path)

    def test_a_decompression_bomb(self, read, photo, monkeypatch):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
        with pytest.raises(ImageError, match=r"photo\.jpg cannot be read: .*bomb"):
            read(photo)


@pytest.mark.filterwarnings("ignore")
@given(
    st.sampled_from(["jpeg", "png", "gif", "webp", "tiff", "bmp"]),
    st.integers(0, 400),
    st.binary(max_size=40),
)
def test_any_damage_is_an_image_error(kind: str, place: int, junk: bytes):
    file = io.BytesIO()
    Image.effect_noise((16, 16), 50).save(file, kind)
    content = file.getvalue()
    broken = content[:place] + junk + content[place + len(junk) :]
    with pytest.MonkeyPatch.context() as patch, suppress(ImageError):
        patch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
        assert decode(broken).mode == "RGB"


def test_probe_gives_height_and_width(photo: Path):
    assert probe(photo) == (30, 40)


class TestPreprocessing:
    def test_squashes_to_resize(self, photo):
        pixels = load_image(photo, Preprocessing(resize=(5, 7), crop=(4, 4)))
        assert (pixels.shape, pixels.dtype) == ((5, 7, 3), np.uint8)

    def test_an_image_of_the_right_size_is_unchanged(self, photo):
        pixels = load_image(photo, Preprocessing(resize=(30, 40), crop=(30, 40)))
        assert np.array_equal(pixels, np.asarray(decode(photo)))

    def test_shrinking_averages(self, tmp_path):
        checks = np.indices((64, 64)).sum(axis=0) % 2 * 255
        Image.fromarray(checks.astype(np.uint8)).save(tmp_path / "x.png")
        pixels = load_image(tmp_path / "x.png", Preprocessing(resize=(4, 4), crop=(4, 4)))
        assert np.abs(pixels[1:3, 1:3].astype(int) - 128).max() <= 2

    @pytest.mark.parametrize("crop", [(9, 8), (8, 9)])
    def test_the_crop_must_fit(self, crop):
        with pytest.raises(ValidationError, match="does not fit"):
            Preprocessing(resize=(8, 8), crop=crop)

    def test_sizes_are_positive_and_unknown_fields_refused(self):
        with pytest.raises(ValidationError):
            Preprocessing(resize=(0, 8), crop=(0, 8))
        with pytest.raises(ValidationError):
            Preprocessing(resize=(8, 8), crop=(8, 8), mean=0.5)

    def test_json_round_trip(self):
        one = Preprocessing(resize=(64, 48), crop=(60, 40))
        assert Preprocessing.model_validate_json(one.model_dump_json()) == one


class TestHeif:
    def test_is_decoded_upright(self, tmp_path: Path):
        pytest.importorskip("pillow_heif")
        exif = Image.Exif()
        exif[0x0112] = 6  # the top of the scene is at the right
        picture = Image.new("RGB", (64, 32), RED)
        picture.paste(BLUE, (32, 0, 64, 32))
        picture.save(tmp_path / "a.heic", exif=exif.tobytes(), quality=100)
        image = decode(tmp_path / "a.heic")
        assert image.size == (32, 64)
        top, bottom = image.getpixel((16, 8)), image.getpixel((16, 56))
        assert np.abs(np.subtract(top, RED)).max() < 30
        assert np.abs(np.subtract(bottom, BLUE)).max() < 30

    def test_the_extra_is_named_if_it_is_missing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        (tmp_path / "a.HEIC").write_bytes(b"anything")
        monkeypatch.setitem(images.INSTALL, ".heic", "'dualhash[heif]' for HEIC")
        with pytest.raises(ImageError, match=r"a\.HEIC .*Install 'dualhash\[heif\]'"):
            decode(tmp_path / "a.HEIC")


class TestCentreCrop:
    def test_hand_worked_example(self):
        rows = np.arange(5, dtype=np.uint8)[:, None, None] * np.ones((5, 4, 3), np.uint8)
        assert centre_crop(rows, (2, 4))[:, 0, 0].tolist() == [1, 2]

    @given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 4), st.integers(0, 4))
    def test_margins_differ_by_one_at_most(self, height, width, more_rows, more_columns):
        shape = (height + more_rows, width + more_columns)
        places = np.stack([*np.indices(shape), np.zeros(shape)], axis=-1).astype(np.uint8)
        cropped = centre_crop(places[None], (height, width))[0]
        assert cropped.shape == (height, width, 3)
        for axis, more in enumerate((more_rows, more_columns)):
            before = int(cropped[0, 0, axis])
            assert before == more // 2

    def test_too_large(self):
        with pytest.raises(ValueError, match="does not fit"):
            centre_crop(np.zeros((4, 4, 3), np.uint8), (5, 4))


def test_bytes_images_and_arrays_are_decoded_like_a_file(photo: Path):
    expected = np.asarray(decode(photo))
    with Image.open(photo) as opened:
        for form in (photo.read_bytes(), opened, expected, expected[:, ::-1][:, ::-1]):
            np.testing.assert_array_equal(np.asarray(decode(form)), expected)


def test_a_pillow_image_is_rotated_upright_and_put_on_white():
    image = Image.new("RGBA", (3, 2), (0, 0, 0, 0))
    image.getexif()[0x0112] = 6
    decoded = decode(image)
    assert (decoded.mode, decoded.size) == ("RGB", (2, 3))
    assert decoded.getpixel((0, 0)) == WHITE
    assert image.mode == "RGBA"


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 4), (4, 5, 1), (0, 5, 3), (1, 4, 5, 3), (3,)])
def test_arrays_of_another_shape_are_refused(shape: tuple[int, ...]):
    with pytest.raises(ImageError, match=r"is not an image: it must be uint8 of shape \(height"):
        decode(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.bool_])
def test_arrays_of_another_dtype_are_refused(dtype: type):
    with pytest.raises(ImageError, match=f"{np.dtype(dtype)} of shape"):
        decode(np.zeros((4, 5, 3), dtype))


def test_truncated_bytes_are_refused_with_their_length(photo: Path):
    content = photo.read_bytes()[:1200]
    with pytest.raises(ImageError, match=r"The content \(1,200 bytes\) cannot be read"):
        decode(content)
