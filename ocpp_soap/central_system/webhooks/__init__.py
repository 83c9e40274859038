"""Events sent to other systems by HTTP: who gets them, and their delivery."""

from ocpp_soap.central_system.webhooks.delivery import Delivery
from ocpp_soap.central_system.webhooks.moving import moved
from ocpp_soap.central_system.webhooks.table import DeadLetter, Webhook, Webhooks

__all__ = ["DeadLetter", "Delivery", "Webhook", "Webhooks", "moved"]
