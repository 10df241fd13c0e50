"""The codes of what can be wrong with a bank file or an order: they come together, each with its file and element."""

from __future__ import annotations

TOO_LARGE = "ZK-ISO20022-001"
"""A bank file is larger than what is read at once."""

NOT_XML = "ZK-ISO20022-002"
"""A bank file is not well-formed XML, or in an encoding that is not read."""

HAS_DOCTYPE = "ZK-ISO20022-003"
"""A bank file declares a document type or entities: no bank does, so nothing of it is read."""

OTHER_MESSAGE = "ZK-ISO20022-004"
"""A bank file holds another message than the one asked for, or a version that is not read."""

MISSING = "ZK-ISO20022-005"
"""An element that is needed is not there, or is empty."""

BAD_TEXT = "ZK-ISO20022-006"
"""A text is empty, too long, or holds characters that the format does not carry."""

BAD_MONEY = "ZK-ISO20022-007"
"""An amount is not above zero, has too many decimals or digits, or cannot be read."""

OTHER_CURRENCY = "ZK-ISO20022-008"
"""An amount is in another currency than its account or its order, or in one that no account is kept in."""

WRONG_SUM = "ZK-ISO20022-009"
"""Amounts do not add up to the sum that is stated."""

BAD_TIME = "ZK-ISO20022-010"
"""A date or a time cannot be read, or lies before one that it must follow."""

BAD_CODE = "ZK-ISO20022-011"
"""A code word of the standard is not one that is understood, or not unambiguous."""

TWICE = "ZK-ISO20022-012"
"""An id that must be unique is there twice."""

BAD_ACCOUNT = "ZK-ISO20022-013"
"""The number of an account is too long, or its IBAN has wrong check digits."""

NOT_VALID = "ZK-ISO20022-014"
"""An order that was written is not valid against the schema of its message."""
