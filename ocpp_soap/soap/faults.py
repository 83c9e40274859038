"""Faults on the wire (12/15 §8.2): the five subcodes of OCPP and two codes of SOAP itself.

==================  ========  =============================  ===========
Fault               Code      HTTP status in SOAP 1.2        in SOAP 1.1
==================  ========  =============================  ===========
SecurityError       Sender    400                            500
IdentityMismatch    Sender    400                            500
ProtocolError       Sender    400                            500
InternalError       Receiver  500                            500
NotSupported        Receiver  500                            500
MustUnderstand      none      500                            500
VersionMismatch     none      500                            500
==================  ========  =============================  ===========

In SOAP 1.2 the name of the fault is the Subcode's Value, in SOAP 1.1 (which has no Subcode) the faultcode: a QName in
the fault namespace of the OCPP version either way.
"""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from ocpp_soap.errors import Fault
from ocpp_soap.messages import Version
from ocpp_soap.printable import blanked
from ocpp_soap.soap.namespaces import SOAP_11, SOAP_12, XML, fault_namespace


class SoapFault(Fault):
    """A fault with a code of SOAP itself, which is named as the class."""

    @property
    def subcode(self) -> str:
        """The local name of the code."""
        return type(self).__name__


class MustUnderstand(SoapFault):
    """A header of the request must be understood and is not known (SOAP 1.2 part 1, 5.4.8)."""

    sender = True
    default_reason = "A header that must be understood is not understood."

    def __init__(self, header: str) -> None:
        super().__init__(kind="must_understand")
        self.header = header


class VersionMismatch(SoapFault):
    """The envelope is of no SOAP version that we speak (SOAP 1.2 part 1, 5.4.7)."""

    sender = True
    default_reason = "The envelope is neither SOAP 1.2 nor SOAP 1.1."


def http_status(fault: Fault, soap_namespace: str) -> int:
    """The HTTP status that goes with a fault (SOAP 1.2 part 2, table 20; SOAP 1.1, 6.2)."""
    if soap_namespace == SOAP_12 and fault.sender and not isinstance(fault, SoapFault):
        return 400
    return 500


def fault_body(fault: Fault, soap_namespace: str, version: Version) -> str:
    """The XML of a Fault; the prefix ``S`` stands for ``soap_namespace``."""
    reason = escape(blanked(fault.reason))
    if soap_namespace == SOAP_11:
        code, declared = _code_11(fault, version)
        return f"<S:Fault><faultcode{declared}>{code}</faultcode><faultstring>{reason}</faultstring></S:Fault>"
    return (
        f"<S:Fault><S:Code>{_code_12(fault, version)}</S:Code>"
        f'<S:Reason><S:Text xml:lang="en">{reason}</S:Text></S:Reason></S:Fault>'
    )


def fault_header(fault: Fault) -> str:
    """The header block that SOAP 1.2 asks for beside its own codes; the prefix ``S`` stands for SOAP 1.2."""
    if isinstance(fault, MustUnderstand):
        namespace, _, local = fault.header.rpartition("}")
        if namespace[1:] == XML:  # bound to this prefix, and to no other, in every document
            return f'<S:NotUnderstood qname="xml:{local}"/>'
        if namespace:
            return f'<S:NotUnderstood qname="n:{local}" xmlns:n={quoteattr(namespace[1:])}/>'
        return f"<S:NotUnderstood qname={quoteattr(local.rpartition(':')[2])}/>"
    if isinstance(fault, VersionMismatch):
        return (
            f'<S:Upgrade><S:SupportedEnvelope qname="S:Envelope"/>'
            f'<S:SupportedEnvelope qname="o:Envelope" xmlns:o="{SOAP_11}"/></S:Upgrade>'
        )
    return ""


def _code_11(fault: Fault, version: Version) -> tuple[str, str]:
    if isinstance(fault, SoapFault):
        return f"S:{fault.subcode}", ""
    return f"o:{fault.subcode}", f' xmlns:o="{fault_namespace(version)}"'


def _code_12(fault: Fault, version: Version) -> str:
    if isinstance(fault, SoapFault):
        return f"<S:Value>S:{fault.subcode}</S:Value>"
    return (
        f"<S:Value>S:{'Sender' if fault.sender else 'Receiver'}</S:Value><S:Subcode>"
        f'<S:Value xmlns:o="{fault_namespace(version)}">o:{fault.subcode}</S:Value></S:Subcode>'
    )
