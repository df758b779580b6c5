"""The way to the server, or to the proxy before it: does the name resolve, does the port accept?"""

from __future__ import annotations

import os
from ipaddress import ip_address
from socket import gaierror
from time import perf_counter
from typing import cast

import anyio
from anyio.abc import SocketStream

from konnect_agent.diagnosis.case import Case
from konnect_agent.diagnosis.check import Seen, check, ok, skipped
from konnect_agent.diagnosis.checks.settings import address, proxy
from konnect_agent.diagnosis.proxies import PROXY_HINT
from konnect_agent.diagnosis.resolving import addresses_of
from konnect_agent.errors import NETWORK_HINT, TimedOut, Unreachable


@check(needs=(address, proxy), limit=2 * Case.connect_limit)
async def dns(case: Case) -> Seen:
    """Whether the name of the first hop resolves."""
    host, port = case.first_hop
    if _is_address(host):
        return skipped(f"{host} is an address")
    try:
        with anyio.fail_after(case.connect_limit):
            addresses = await addresses_of(host, port)
    except TimeoutError:
        raise TimedOut(
            f"No name service answered for {host} within {case.connect_limit:g} s.",
            limit="connect",
            sent=False,
            hint=_hint(case),
        ) from None
    except (OSError, UnicodeError) as error:
        said = f"{_whose(case)} {host} does not resolve: {_words(error)}"
        raise Unreachable(said, sent=False, hint=_hint(case)) from None
    more = f" and {len(addresses) - 1} more" if len(addresses) > 1 else ""
    return ok(f"{host} is {addresses[0]}{more}", addresses=addresses)


@check(needs=(dns,), limit=2 * Case.connect_limit)
async def tcp(case: Case) -> Seen:
    """Whether the first hop accepts a connection."""
    started = perf_counter()
    async with await first_stream(case):
        took = perf_counter() - started
    host, port = case.first_hop
    return ok(f"{host} port {port} accepts connections ({took * 1000:.0f} ms)", seconds=round(took, 6))


async def first_stream(case: Case) -> SocketStream:
    """A connection to the first hop. Raises `Unreachable` or `TimedOut`."""
    host, port = case.first_hop
    try:
        with anyio.fail_after(case.connect_limit):
            return await anyio.connect_tcp(host, port)
    except TimeoutError:
        raise TimedOut(
            f"{_whose(case)} {host} port {port} did not accept a connection within {case.connect_limit:g} s.",
            limit="connect",
            sent=False,
            hint=_hint(case),
        ) from None
    except OSError as error:
        said = f"No connection to {_whose(case).lower()} {host} port {port}: {_words(error)}"
        raise Unreachable(said, sent=False, hint=_hint(case)) from None


def _words(error: BaseException) -> str:
    """What the system says about an error: of several addresses, about the first."""
    cause = error.__cause__ or error
    if isinstance(cause, BaseExceptionGroup):
        return _words(cast("BaseExceptionGroup[BaseException]", cause).exceptions[0])
    if isinstance(cause, gaierror) or not isinstance(cause, OSError) or not cause.errno:
        return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return os.strerror(cause.errno)  # asyncio has words of its own, which say less


def _hint(case: Case) -> str:
    return PROXY_HINT if case.proxy else NETWORK_HINT


def _whose(case: Case) -> str:
    return "The proxy" if case.proxy else "The host"


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
