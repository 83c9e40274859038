"""The SOAP binding of OCPP 1.2 and 1.5: envelopes, the codec, the services and the client."""
