"""The parts of Spyne 2.14 that we use, importable on Python 3.10 to 3.13. No other module imports Spyne.

Spyne bundles a ``six`` whose import hook Python 3.12 no longer understands (and about which 3.10 and 3.11 warn at every
failed import of the process), and it imports ``cgi``, which is deprecated from 3.11 and gone in 3.13. The modules that
``six.moves`` would give are put in place beforehand, ``cgi`` is replaced by the one function that Spyne calls while
Spyne is being imported, and the hook is taken out afterwards. Warnings are silenced during this import only. Spyne's
registry of applications, which we do not use, would log a warning for the second one of a name.
"""

from __future__ import annotations

import collections.abc
import http.cookies
import importlib
import logging
import sys
import urllib.error
import urllib.parse
import urllib.request
import warnings
from email.message import Message
from types import ModuleType

_SIX = "spyne.util.six"
_MOVES: dict[str, ModuleType] = {
    "collections_abc": collections.abc,
    "http_cookies": http.cookies,
    "urllib.error": urllib.error,
    "urllib.parse": urllib.parse,
    "urllib.request": urllib.request,
}


def _parse_header(line: str) -> tuple[str, dict[str, str]]:
    """What ``cgi.parse_header`` did: a header's value and its parameters."""
    message = Message()
    message["content-type"] = line
    params = message.get_params() or [("", "")]
    return params[0][0], dict(params[1:])


def _import_spyne() -> None:
    for name, module in _MOVES.items():
        sys.modules.setdefault(f"{_SIX}.moves.{name}", module)
    cgi = ModuleType("cgi")
    cgi.parse_header = _parse_header  # type: ignore[attr-defined]
    borrowed = sys.modules.setdefault("cgi", cgi) is cgi
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name in ("spyne", "spyne.protocol.soap", "spyne.interface.wsdl"):
                importlib.import_module(name)
    finally:
        if borrowed:
            del sys.modules["cgi"]
        logging.getLogger(f"{_SIX.rpartition('.')[0]}.appreg").setLevel(logging.ERROR)
        sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != _SIX]


if "spyne" not in sys.modules:
    _import_spyne()

from spyne import Application, MethodDescriptor, ServerBase, ServiceBase, rpc  # noqa: E402
from spyne.descriptor import BODY_STYLE_BARE  # noqa: E402
from spyne.interface.wsdl import Wsdl11  # noqa: E402
from spyne.model.complex import ComplexModel, XmlAttribute, XmlData  # noqa: E402
from spyne.model.primitive import (  # noqa: E402
    AnyUri,
    Boolean,
    DateTime,
    Integer32,
    Unicode,
)
from spyne.protocol.soap import Soap12  # noqa: E402

__all__ = [
    "BODY_STYLE_BARE",
    "AnyUri",
    "Application",
    "Boolean",
    "ComplexModel",
    "DateTime",
    "Integer32",
    "MethodDescriptor",
    "ServerBase",
    "ServiceBase",
    "Soap12",
    "Unicode",
    "Wsdl11",
    "XmlAttribute",
    "XmlData",
    "rpc",
]
