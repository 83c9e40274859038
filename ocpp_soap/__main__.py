"""``python -m ocpp_soap`` is ``ocpp-soap``."""

from ocpp_soap.cli import main

main(prog_name="ocpp-soap")
