"""The schema of the message that is written, as ISO published it, from an installed package: nothing is fetched."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from lxml import etree

from zakhira.kernel.errors import OutsideFailure

ORDER_MESSAGE = "pain.001.001.09"
"""The version of ISO's edition of 2019: the newest that a bank can be expected to take today [E]."""
_PACKAGE = "sepaxml"


class SchemaMissing(OutsideFailure):
    """The schema that a bank order is held against is not installed, or cannot be read."""

    code = "ZK-ISO20022-020"


def order_schema() -> etree.XMLSchema:
    """The schema of :data:`ORDER_MESSAGE`; raises SchemaMissing."""
    try:
        place = Path(str(distribution(_PACKAGE).locate_file(f"{_PACKAGE}/schemas/{ORDER_MESSAGE}.xsd")))
        parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True)
        return etree.XMLSchema(etree.fromstring(place.read_bytes(), parser))
    except (PackageNotFoundError, OSError, etree.LxmlError) as error:
        raise SchemaMissing(
            f"The schema {ORDER_MESSAGE} cannot be read: {error}.", f"Install the package {_PACKAGE} again."
        ) from None
