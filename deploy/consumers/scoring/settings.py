"""What the environment says, under the names that airudder-exporter has for it."""

import os
from pathlib import Path


class SettingError(Exception):
    """A setting is missing or wrong; the text names it."""


def setting(name: str, default: str | None = None) -> str:
    """A variable, or the content of the file that NAME_FILE names."""
    if file := os.environ.get(name + "_FILE"):
        return Path(file).read_text().strip()
    value = os.environ.get(name) or default
    if value is None:
        raise SettingError(f"{name} is not set")
    return value


def kafka() -> dict[str, str]:
    """librdkafka's settings of the connection."""
    conf = {"bootstrap.servers": setting("KAFKA_BROKERS")}
    tls = setting("KAFKA_TLS_ENABLED", "false").lower() in ("true", "1")
    mechanism = setting("KAFKA_SASL_MECHANISM", "")
    conf["security.protocol"] = {(False, False): "plaintext", (True, False): "ssl", (False, True): "sasl_plaintext",
                                 (True, True): "sasl_ssl"}[tls, bool(mechanism)]
    if mechanism:
        conf |= {"sasl.mechanism": mechanism, "sasl.username": setting("KAFKA_SASL_USERNAME"),
                 "sasl.password": setting("KAFKA_SASL_PASSWORD")}
    for variable, name in {"KAFKA_TLS_CA_FILE": "ssl.ca.location", "KAFKA_TLS_CERT_FILE": "ssl.certificate.location",
                           "KAFKA_TLS_KEY_FILE": "ssl.key.location"}.items():
        if path := os.environ.get(variable):
            conf[name] = path
    return conf


def registry() -> dict[str, object]:
    """SchemaRegistryClient's settings."""
    conf: dict[str, object] = {"url": setting("SCHEMA_REGISTRY_URL"), "timeout": 10}
    if user := setting("SCHEMA_REGISTRY_USERNAME", ""):
        conf["basic.auth.user.info"] = f"{user}:{setting('SCHEMA_REGISTRY_PASSWORD')}"
    return conf
