"""OCPP 1.2 and 1.5 over SOAP: a central system and a charge point."""

__version__ = "0.1.0"
