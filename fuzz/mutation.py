"""Mutations of envelopes that keep them well-formed, so that most inputs get past the parser."""

from __future__ import annotations

import copy
import random

import atheris
from lxml import etree

TEXTS = [
    "", " ", "0", "-1", "+1", "1.0", "9" * 40, "2012-06-08T10:00:00Z", "2012-06-08 24:00:00", "nil", "Accepted",
    "CB1", "/Heartbeat", "http://192.0.2.1/", "\u00a0", "\U0001f50c", "x" * 200,
]  # fmt: skip
NAMESPACES = [
    "", "urn://Ocpp/Cs/2010/08/", "urn://Ocpp/Cs/2012/06/", "urn://Ocpp/Cp/2010/08/", "urn://Ocpp/Cp/2012/06/",
    "http://www.w3.org/2005/08/addressing", "http://schemas.xmlsoap.org/ws/2004/08/addressing", "urn:other",
]  # fmt: skip
NAMES = [
    "Header", "Body", "Action", "From", "Address", "chargeBoxIdentity", "idTag", "timestamp", "values", "value",
    "heartbeatRequest", "startTransactionRequest", "stopTransactionRequest", "resetRequest", "heartbeatResponse",
]  # fmt: skip
ENCODINGS = ["utf-8", "utf-8", "utf-8", "utf-16", "iso-8859-1"]
LARGEST = 16_384


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """A change of one to three nodes of the envelope behind the first byte; any bytes in every third case."""
    chance = random.Random(seed)  # noqa: S311
    try:
        if chance.randrange(3) == 0:
            raise ValueError
        root = etree.fromstring(data[1:], etree.XMLParser(resolve_entities=False, no_network=True))
        for _ in range(chance.randint(1, 3)):
            _change(root, chance)
    except (ValueError, etree.XMLSyntaxError):
        return atheris.Mutate(data, max_size)
    written = bytes([chance.randrange(128)]) + etree.tostring(root, encoding=chance.choice(ENCODINGS))
    return written if len(written) <= max_size else data[:max_size]


def _change(root: etree._Element, chance: random.Random) -> None:
    nodes = [node for node in root.iter() if isinstance(node.tag, str)]
    node = chance.choice(nodes)
    parent = node.getparent()
    kind = chance.randrange(8)
    if kind == 0:
        node.text = chance.choice(TEXTS)
    elif kind == 1:
        node.tag = f"{{{chance.choice(NAMESPACES)}}}{etree.QName(node).localname}".removeprefix("{}")
    elif kind == 2:
        node.tag = f"{{{etree.QName(node).namespace or ''}}}{chance.choice(NAMES)}".removeprefix("{}")
    elif kind == 3 and parent is not None:
        parent.remove(node)
    elif kind == 4 and parent is not None and len(nodes) < 500:
        parent.insert(chance.randrange(len(parent) + 1), copy.deepcopy(node))
    elif kind == 5 and len(node) > 1:
        node.append(node[0])
    elif kind == 6:
        node.set("{http://www.w3.org/2003/05/soap-envelope}mustUnderstand", chance.choice(["1", "true", "0", "x"]))
    else:
        node.set("{http://www.w3.org/2001/XMLSchema-instance}nil", chance.choice(["true", "1", "false", "maybe"]))
