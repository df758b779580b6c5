"""Addresses and ranges of sources and destinations: host bits of a range are ignored in this flavor."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network


def parse_network(text: str) -> IPv4Network | IPv6Network | None:
    """A range, host bits ignored; None if it is none."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def in_range(ip: str, text: str) -> bool:
    """Whether an address is in a range; texts that are neither fit nothing."""
    network = parse_network(text)
    try:
        return network is not None and ip_address(ip) in network
    except ValueError:
        return False


class EndIndex:
    """All addresses, ranges and ports of one side: whether any of them fits a connection."""

    __slots__ = ("_lengths", "_networks", "_plain")

    def __init__(self, ends: Iterable[tuple[str | None, int | None]]) -> None:
        self._plain: set[str | int] = set()
        self._networks: set[IPv4Network | IPv6Network] = set()
        for ip, port in ends:
            if port is not None:
                self._plain.add(port)
            if ip is not None and "/" not in ip:
                self._plain.add(ip)
            elif ip is not None and (network := parse_network(ip)) is not None:
                self._networks.add(network)
        self._lengths = {(network.version, network.prefixlen) for network in self._networks}

    def touched(self, ip: str, port: int | None) -> bool:
        """Whether the address or the port alone fits something."""
        if ip in self._plain or (port is not None and port in self._plain):
            return True
        if not self._networks:
            return False
        try:
            address = ip_address(ip)
        except ValueError:
            return False
        return any(
            ip_network((address, length), strict=False) in self._networks
            for version, length in self._lengths
            if version == address.version
        )
