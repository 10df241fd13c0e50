"""QR codes read from pictures: photographs, screenshots and the frames of animations (zxing-cpp)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from io import BytesIO

import zxingcpp
from PIL import Image, ImageSequence, UnidentifiedImageError

from zakhira.adapters.qr.collect import MessageReader
from zakhira.adapters.qr.message import Message
from zakhira.adapters.qr.refusals import NoCodeFound, NotAnImage

MAX_IMAGE_BYTES = 64_000_000
MAX_PIXELS = 50_000_000
"""A photograph of today's telephones; a picture that unpacks to more is refused before it is unpacked."""
MAX_ANIMATION_FRAMES = 4096
FORMATS = ("PNG", "GIF", "JPEG", "WEBP", "BMP")
_IMAGE_ERRORS = (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)
"""What Pillow raises on bytes that are no whole picture; SyntaxError is its own for broken PNG."""


def _pictures(data: bytes) -> Iterator[Image.Image]:
    """Each frame of a picture in grey; raises NotAnImage."""
    remedy = f"Give a picture as {', '.join(FORMATS)} of at most {MAX_PIXELS // 1_000_000} million pixels."
    if len(data) > MAX_IMAGE_BYTES:
        raise NotAnImage(f"The picture has {len(data)} bytes.", remedy)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(BytesIO(data), formats=FORMATS)
            if picture.width * picture.height > MAX_PIXELS:
                raise NotAnImage(f"The picture has {picture.width} x {picture.height} pixels.", remedy)
            for number, frame in enumerate(ImageSequence.Iterator(picture)):
                if number >= MAX_ANIMATION_FRAMES:
                    raise NotAnImage(f"The animation has more than {MAX_ANIMATION_FRAMES} frames.", remedy)
                yield frame.convert("L")
    except (*_IMAGE_ERRORS, Image.DecompressionBombWarning) as error:
        raise NotAnImage(f"The bytes are no picture that can be read: {error}.", remedy) from None


def read_codes(data: bytes) -> tuple[str, ...]:
    """The texts of all QR codes in a picture, frame by frame; a frame without a code is passed over.

    Raises:
        NotAnImage: the bytes are no picture, or too large a one.
        NoCodeFound: there is no code that can be read.
    """
    texts = [
        code.text
        for picture in _pictures(data)
        for code in zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode]))
        if code.valid
    ]
    if not texts:
        raise NoCodeFound("No QR code can be read in the picture.", "Take it again: sharp, straight and whole.")
    return tuple(texts)


def read_message(pictures: Iterable[bytes]) -> Message:
    """The one message that the codes in these pictures carry, in any order.

    Raises:
        NotAnImage, NoCodeFound: a picture cannot be read.
        MissingFrames and the other refusals of :class:`zakhira.adapters.qr.collect.MessageReader`.
    """
    reader = MessageReader()
    for data in pictures:
        for text in read_codes(data):
            reader.add(text)
    return reader.message()
