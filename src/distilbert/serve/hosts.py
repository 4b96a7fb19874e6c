"""Which hosts a server answers for, and where it listens."""

import ipaddress
import re
import socket
from collections.abc import Iterable

from ..errors import InputError, error_text
from ..server_settings import Settings
from .errors import Fault, RequestError

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{0,5})?")


def is_loopback(host: str) -> bool:
    """Whether a name, or an address in the form of a URL, is of this machine alone."""
    host = host.lower()
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


class Hosts:
    """The check of the `Host` header.

    With `allowed_hosts` these names are answered (`*.example.org`: all below it), and those of this machine. Without
    them all are, but where the server is open to this machine alone and has no key: a page in a browser here could
    have its own name lead to the server and then ask it whatever it likes (DNS rebinding).
    """

    def __init__(self, settings: Settings) -> None:
        self._allowed = settings.hosts
        self._all = not self._allowed and (bool(settings.api_key) or not is_loopback(settings.host))

    def check(self, http_version: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Raises RequestError for no host or two (RFC 9112, 3.2), and for one that is not answered."""
        given = [value for name, value in headers if name == b"host"]
        if len(given) != 1:
            if not given and http_version == "1.0":
                return
            raise RequestError(Fault.BAD_HEAD, f"a request has one Host, not {len(given)}")
        found = _HOST.fullmatch(given[0].decode("latin-1").strip())
        if not found:
            raise RequestError(Fault.BAD_HEAD, "the Host is not a name or an address")
        name = found["name"].lower().rstrip(".").strip("[]")
        if self._all or is_loopback(name) or any(_matches(name, allowed) for allowed in self._allowed):
            return
        raise RequestError(
            Fault.OTHER_HOST, "this server does not answer for the Host of the request; --allowed-hosts names others"
        )


def _matches(name: str, allowed: str) -> bool:
    return allowed in ("*", name) or (allowed.startswith("*.") and name.endswith(allowed[1:]))


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; on both IPv4 and IPv6 where the host is empty or `::`.

    Raises InputError if the address cannot be listened on.
    """
    try:
        if host in ("", "::", "[::]"):
            if socket.has_dualstack_ipv6():
                return socket.create_server(("::", port), family=socket.AF_INET6, backlog=2048, dualstack_ipv6=True)
            host = "0.0.0.0"  # noqa: S104 - asked for
        family, *_, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family, backlog=2048)
    except (OSError, UnicodeError) as error:
        raise InputError(
            f"cannot listen on port {port} of {host!r} ({error_text(error)}); choose others with --port and --host"
        ) from None


def url_of(host: str, port: int) -> str:
    """Where a browser on this machine finds the server."""
    if host in ("", "0.0.0.0", "::", "[::]"):  # noqa: S104 - what was asked for
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host and not host.startswith("[") else f"http://{host}:{port}"
