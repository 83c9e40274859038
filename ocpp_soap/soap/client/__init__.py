"""Calls to the other side's service, for the central system and the charge point alike.

zeep makes the envelope from the packaged service description, which is parsed once per process; the request is
checked by the strict side of the codec, the answer is read by its lenient side.
"""

from ocpp_soap.soap.client.calls import SoapClient, client_for
from ocpp_soap.soap.client.endpoint import ActionForm, Endpoint
from ocpp_soap.soap.client.transcript import Transcript

__all__ = ["ActionForm", "Endpoint", "SoapClient", "Transcript", "client_for"]
