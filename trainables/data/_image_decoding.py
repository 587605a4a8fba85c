"""Reading an image file as 8-bit RGB, or saying why it is not one. Imports no torch.

As torchvision's ImageFolder does: grey and palette images are widened, CMYK is converted, an alpha channel is left out
and of several frames the first is taken. What has more than 8 bits a channel is scaled by its whole range.
"""

from __future__ import annotations

from typing import IO

from PIL import Image

from optimizers.errors import one_line

# Formats that Pillow decodes itself. EPS and others, which start programs, are never opened.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "PPM", "GIF")
ENDINGS = (".jpeg", ".jpg", ".png", ".webp", ".bmp", ".tiff", ".tif", ".ppm", ".pgm", ".pbm", ".gif")
# Below Pillow's own limit, beyond which a small file may unfold to gigabytes.
MOST_PIXELS = 80_000_000
EIGHT_BIT = frozenset({"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"})
SIXTEEN_BIT = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})
# Of TIFF: bits of a channel, and what 0 means.
BITS_TAG, PHOTOMETRIC_TAG, WHITE_IS_ZERO = 258, 262, 0


class UnsupportedImageError(ValueError):
    """An image whose values have no known range, or one that is too large."""


def read_rgb(file: IO[bytes], *, small: bool = False) -> Image.Image:
    """Return the image of an open file, mode RGB; where ``small``, decoded at a fraction of its size if that is faster.

    Raises UnsupportedImageError, or any exception of the decoder for a file that is damaged.
    """
    with Image.open(file, formats=FORMATS) as image:
        if image.width * image.height > MOST_PIXELS:
            raise UnsupportedImageError(
                f"it has {image.width:,} x {image.height:,} pixels, more than the {MOST_PIXELS:,} that are read"
            )
        if small:
            image.draft(None, (1, 1))
        # Pillow calls every integer of a PGM with more than 8 bits a 32-bit one, and has scaled it to 16 bits.
        if image.mode in SIXTEEN_BIT or (image.mode == "I" and image.format == "PPM"):
            return _from_sixteen_bits(image)
        if image.mode not in EIGHT_BIT:
            raise UnsupportedImageError(
                f"its values (Pillow's mode {image.mode}) have no known range; write it with 8 or 16 bits a channel"
            )
        # By RGBA, which knows a palette's transparency, where Pillow warns of the direct way.
        return image.convert("RGBA").convert("RGB") if image.mode == "P" else image.convert("RGB")


def _from_sixteen_bits(image: Image.Image) -> Image.Image:
    """The high 8 bits, as Pillow itself takes of 16-bit RGB."""
    import numpy as np

    bits = 16
    if image.format == "TIFF":
        tags = image.tag_v2  # pyright: ignore[reportAttributeAccessIssue]
        if tags.get(PHOTOMETRIC_TAG) == WHITE_IS_ZERO:
            raise UnsupportedImageError("0 is white in it; write it with 0 as black")
        bits = tags[BITS_TAG][0]
    grey = np.asarray(image).astype(np.uint16) >> (bits - 8)
    return Image.fromarray(grey.astype(np.uint8)).convert("RGB")


def fault_of(error: Exception) -> str:
    """Return what is wrong with an image for which :func:`read_rgb` raised ``error``, and what would be right."""
    if isinstance(error, UnsupportedImageError):
        return f"this image cannot be read: {error}"
    reason = one_line(error)
    if isinstance(error, Image.UnidentifiedImageError):
        reason = f"it is none of {', '.join(FORMATS)}"
    return f"this image cannot be read ({reason}); fetch it again or take it out"
