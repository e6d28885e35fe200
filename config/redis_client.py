"""The Redis settings in the words of redis-py; the password is read here, and is a `Secret`: *** in every repr."""

from typing import Any, Final

from driftline.config.join_store_settings import RedisSettings
from driftline.config.kafka_client import Secret
from driftline.config.secrets import redis_password
from driftline.config.tls_files import readable_files

_NAMES: Final = {"ca_file": "ssl_ca_certs", "certificate_file": "ssl_certfile", "key_file": "ssl_keyfile"}


def redis_settings(redis: RedisSettings) -> dict[str, Any]:
    """How Redis is reached: keyword arguments of `redis.Redis`.

    Raises ConfigError when a file that the settings name cannot be read.
    """
    host, _, port = redis.server.rpartition(":")
    timeout_s = redis.timeout / 1000
    settings: dict[str, Any] = {
        "host": host.strip("[]"),
        "port": int(port),
        "db": redis.database,
        "protocol": 2,  # the one that every version of Redis and of its client speaks
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
    }
    password = redis_password(redis)
    if password is not None:
        settings |= {"username": redis.username, "password": Secret(password.get_secret_value())}
    if redis.tls:
        files = {} if redis.ssl is None else readable_files(redis.ssl, "join_stores.redis.ssl")
        settings |= {"ssl": True, "ssl_check_hostname": True}
        settings |= {_NAMES[setting]: file for setting, file in files.items()}
    return settings
