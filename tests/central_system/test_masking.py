"""No secret is shown, logged or noted, however deep in a document it lies."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_soap.central_system.masking import masked, masked_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ftp://bob:hunter2@host:21/a", "ftp://bob:…@host:21/a"),
        ("ftp://bob:hun@ter:2@host/", "ftp://bob:…@host/"),
        ("<loc>ftp://f1:ab@127.0.0.1:21/</loc><x>//c:d@e/</x>", "<loc>ftp://f1:…@127.0.0.1:21/</loc><x>//c:…@e/</x>"),
        ("https://host/files/fe41/bfd6/log.zip", "https://host/files/fe41/…/log.zip"),
        ("https://host/fw.bin?token=abc&v=1&Password=x", "https://host/fw.bin?token=…&v=1&Password=…"),
        ("http://host:9220/a:b@c", "http://host:9220/a:b@c"),
        ("ftp://anonymous@host/", "ftp://anonymous@host/"),
    ],
)
def test_the_password_of_a_url_is_hidden(text: str, shown: str) -> None:
    assert masked_text(text) == shown
    assert masked_text(shown) == shown


def test_what_a_name_calls_a_secret_is_hidden_at_any_depth() -> None:
    document = {
        "payload": {"items": [{"Password": "a", "clientSecret": {"b": "c"}, "api_key": "d"}], "id_tag": "TAG"},
        "token": "e",
        "number": 1,
    }
    assert masked(document) == {
        "payload": {"items": [{"Password": "…", "clientSecret": "…", "api_key": "…"}], "id_tag": "TAG"},
        "token": "…",
        "number": 1,
    }


def test_the_value_of_a_configuration_key_is_hidden_if_the_key_names_a_secret() -> None:
    for key in ("AuthorizationKey", "ApnPassword", "GPRS.PWD", "vendor_api_key", "ftp_pass", "WifiPSK", "SIMPin"):
        assert masked({"key": key, "value": "x"}) == {"key": key, "value": "…"}
    for key in ("AuthorizationCacheEnabled", "MaxSpin", "PassThrough"):
        assert masked({"key": key, "value": "true"}) == {"key": key, "value": "true"}


def test_what_lies_too_deep_is_left_out() -> None:
    document: Any = {"password": "x"}
    for _ in range(400):
        document = [document]
    assert "x" not in str(masked(document))
