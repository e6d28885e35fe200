"""The broker settings in the words of each Kafka client: TLS and SASL are passed through, passwords are read here.

A password is a `Secret`: it is text to a client, and *** in every repr, so also in that of a dictionary that holds it.
"""

import ssl
from collections.abc import Mapping
from typing import Any, Final

from driftline.config.broker_settings import BrokerSettings
from driftline.config.problems import ConfigError, Problem
from driftline.config.secrets import PASSWORD_VARIABLE, sasl_password
from driftline.config.tls_files import readable_files, unusable

_HIDDEN: Final = "***"
_SSL: Final = "broker.ssl"
_WORDS_OF_SECRETS: Final = ("password", "secret", "token", "jaas", "key.pem")


class Secret(str):
    """Text that only its user reads: repr, and with it logs of settings and of errors, show ***."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(_HIDDEN)


def librdkafka_settings(broker: BrokerSettings) -> dict[str, str | int]:
    """How confluent-kafka, or anything else that stands on librdkafka, reaches the broker.

    Raises ConfigError when a file that the settings name cannot be read, or a login has no password.
    """
    settings: dict[str, str | int] = {
        "bootstrap.servers": broker.bootstrap_servers,
        "security.protocol": broker.security_protocol,
    }
    if broker.sasl is not None:
        settings["sasl.mechanism"] = broker.sasl.mechanism
        settings["sasl.username"] = broker.sasl.username or ""
        settings["sasl.password"] = _password(broker)
    if broker.ssl is not None:
        names = {"ca_file": "ssl.ca.location", "certificate_file": "ssl.certificate.location"}
        names["key_file"] = "ssl.key.location"
        settings |= {names[setting]: file for setting, file in readable_files(broker.ssl, _SSL).items()}
    return settings


def aiokafka_settings(broker: BrokerSettings) -> dict[str, Any]:
    """How aiokafka reaches the broker: keyword arguments of its clients.

    Raises ConfigError when a file that the settings name cannot be used, or a login has no password.
    """
    settings: dict[str, Any] = {
        "bootstrap_servers": broker.bootstrap_servers,
        "security_protocol": broker.security_protocol,
    }
    if broker.sasl is not None:
        settings["sasl_mechanism"] = broker.sasl.mechanism
        settings["sasl_plain_username"] = broker.sasl.username or ""
        settings["sasl_plain_password"] = _password(broker)
    context = tls_context(broker)
    if context is not None:
        settings["ssl_context"] = context
    return settings


def tls_context(broker: BrokerSettings) -> ssl.SSLContext | None:
    """Certificates to trust and to show, with the broker's name verified; None = the broker is reached without TLS.

    Raises ConfigError when a certificate or key cannot be used.
    """
    if not broker.security_protocol.endswith("SSL"):
        return None
    files = {} if broker.ssl is None else readable_files(broker.ssl, _SSL)
    try:
        context = ssl.create_default_context(cafile=files.get("ca_file"))
    except ssl.SSLError:
        raise unusable(_SSL, "ca_file", "holds no certificate", "write a file with certificates in PEM") from None
    if "certificate_file" in files:
        try:
            # without a passphrase OpenSSL would ask at the terminal for that of an encrypted key
            context.load_cert_chain(files["certificate_file"], files["key_file"], password=lambda: "")
        except ssl.SSLError:
            what = "is no certificate that goes with the key of key_file"
            raise unusable(_SSL, "certificate_file", what, "write both in PEM, the key without a passphrase") from None
    return context


def redacted(settings: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` of a client, fit for a log: secrets are ***, also those that were added by hand.

    >>> redacted({"sasl.username": "worker", "sasl.password": "hunter2"})
    {'sasl.username': 'worker', 'sasl.password': '***'}
    """
    return {name: _HIDDEN if _is_secret(name, value) else value for name, value in settings.items()}


def _is_secret(name: str, value: object) -> bool:
    return isinstance(value, Secret) or any(word in name.lower() for word in _WORDS_OF_SECRETS)


def _password(broker: BrokerSettings) -> Secret:
    """Read anew at each call, so that a client that is made later logs in with a password that was changed."""
    password = None if broker.sasl is None else sasl_password(broker.sasl)
    if password is None:
        what = f"{broker.security_protocol} needs a password"
        raise ConfigError([Problem("broker.sasl", what, f"write password_file, or set {PASSWORD_VARIABLE}")])
    return Secret(password.get_secret_value())
