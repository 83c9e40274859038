"""Authorize: may this idTag charge? (12/15 §4.1)"""

from ocpp_soap.central_system import CentralSystemCall
from ocpp_soap.messages import AuthorizeRequest, AuthorizeResponse


def handle(request: AuthorizeRequest, call: CentralSystemCall) -> AuthorizeResponse:
    """Answer by the table of tags. StartTransaction and StopTransaction ask this handler too."""
    return AuthorizeResponse(id_tag_info=call.central_system.tags.check(request.id_tag, call.received_at))
