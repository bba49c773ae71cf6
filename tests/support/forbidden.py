"""Addresses that no connection may reach, in the forms that have fooled others, and a network in which each of them
would lead to a canary."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.support.canary import Canary

# what the name server of these tests knows; a list of lists: another answer each time, the last one for good
NAMES: Final[dict[str, list[list[str]]]] = {
    "localhost": [["127.0.0.1", "::1"]],
    "localhost.localdomain": [["127.0.0.1"]],
    "ip6-localhost": [["::1"]],
    "127.0.0.1.rebound.example": [["127.0.0.1"]],
    "inside.example": [["10.0.0.1"]],
    "mapped.example": [["::ffff:127.0.0.1"]],
    "nat64.example": [["64:ff9b::7f00:1"]],
    "sixtofour.example": [["2002:7f00:1::"]],
    "zoned.example": [["fe80::1%lo"]],
    "nothing.example": [["0.0.0.0"]],
    "both.example": [["52.216.0.1", "127.0.0.1"]],
    "metadata.google.internal": [["169.254.169.254"]],
    "public.example": [["52.216.0.1"]],
    "xn--cnary-ira.example": [["127.0.0.1"]],
}

# {port} is the canary's
FORMS: Final = tuple(
    """
http://127.0.0.1:{port}/                         https://127.0.0.1:{port}/
http://127.1:{port}/                             http://127.0.1:{port}/
http://127.255.255.254:{port}/                   http://127.000.000.001:{port}/
http://2130706433:{port}/                        http://0x7f000001:{port}/
http://0x7F.0.0.1:{port}/                        http://0x7f.1:{port}/
http://0177.0.0.1:{port}/                        http://017700000001:{port}/
http://0177.0x0.0.1:{port}/                      http://0000177.0.0.1:{port}/
http://127.0.0.1.:{port}/                        http://2130706433.:{port}/
http://１２７.０.０.１:{port}/                       http://①②⑦.⓪.⓪.①:{port}/
http://127。0。0。1:{port}/                        http://127．0．0．1:{port}/
http://١٢٧.٠.٠.١:{port}/                          http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/
http://%31%32%37.0.0.1:{port}/                   http://127.0.0.1%00.public.example:{port}/
http://127.0.0.1%2f@public.example:{port}/       http://cánary.example:{port}/
http://xn--cnary-ira.example:{port}/             http://localhost:{port}/
http://LocalHost:{port}/                         http://localhost.:{port}/
http://localhost.localdomain:{port}/             http://ip6-localhost:{port}/
http://0.0.0.0:{port}/                           http://0:{port}/
http://[::]:{port}/                              http://[::1]:{port}/
http://[0:0:0:0:0:0:0:1]:{port}/                 http://[0000::0001]:{port}/
http://[::ffff:127.0.0.1]:{port}/                http://[::ffff:7f00:1]:{port}/
http://[::127.0.0.1]:{port}/                     http://[::ffff:0:127.0.0.1]:{port}/
http://[64:ff9b::127.0.0.1]:{port}/              http://[64:ff9b:1::7f00:1]:{port}/
http://[2002:7f00:1::]:{port}/                   http://[2001:0:4136:e378:8000:63bf:80ff:fffe]:{port}/
http://[2a00:1450::5efe:7f00:1]:{port}/          http://[fe80::5efe:7f00:1]:{port}/
http://[fe80::1%25lo]:{port}/                    http://[::1%lo]:{port}/
http://[fec0::1]:{port}/                         http://[fd12::5]:{port}/
http://[ff02::1]:{port}/                         http://10.0.0.1:{port}/
http://172.16.5.4:{port}/                        http://192.168.1.1:{port}/
http://100.64.0.1:{port}/                        http://100.100.100.200:{port}/
http://169.254.169.254:{port}/                   http://0xa9fea9fe:{port}/
http://2852039166:{port}/                        http://0251.0376.0251.0376:{port}/
http://[::ffff:169.254.169.254]:{port}/          http://[fd00:ec2::254]:{port}/
http://169.254.170.2:{port}/                     http://168.63.129.16:{port}/
http://192.0.0.192:{port}/                       http://[fd20:ce::254]:{port}/
http://metadata.google.internal:{port}/          http://224.0.0.1:{port}/
http://255.255.255.255:{port}/                   http://240.0.0.1:{port}/
http://198.18.0.1:{port}/                        http://192.0.2.1:{port}/
http://public.example@127.0.0.1:{port}/          http://public.example:80@127.0.0.1:{port}/
http://127.0.0.1:{port}\\@public.example/         http://public.example\\@127.0.0.1:{port}/
http://127.0.0.1:{port}?@public.example/         http://127.0.0.1:{port}#@public.example/
http:127.0.0.1:{port}/                           http:///127.0.0.1:{port}/
//127.0.0.1:{port}/                              127.0.0.1:{port}
ftp://127.0.0.1:{port}/                          gopher://127.0.0.1:{port}/
file://127.0.0.1:{port}/etc/passwd               unix://127.0.0.1:{port}/
http+unix://127.0.0.1:{port}/                    HTTP://127.0.0.1:{port}/
http://127.0.0.1.rebound.example:{port}/         http://inside.example:{port}/
http://mapped.example:{port}/                    http://nat64.example:{port}/
http://sixtofour.example:{port}/                 http://zoned.example:{port}/
http://nothing.example:{port}/                   https://both.example:{port}/
""".split()  # noqa: SIM905
)


class Network:
    """Every connection leads to the canary, whatever its address; names are looked up in :data:`NAMES`.

    ``reached`` are the addresses that somebody connected to, ``looked_up`` the names that were asked for.
    """

    def __init__(self) -> None:
        self.canary = Canary()
        self.names = {name: [list(addresses) for addresses in answers] for name, answers in NAMES.items()}
        self.reached: list[str] = []
        self.looked_up: list[str] = []

    def getaddrinfo(self, host: Any, port: Any, *_: Any, **__: Any) -> list[Any]:
        """As the system's."""
        name = host.decode() if isinstance(host, bytes) else str(host)
        self.looked_up.append(name)
        answers = self.names.get(name.lower())
        if answers is None:
            try:
                addresses = [
                    socket.inet_ntoa(socket.inet_aton(name))
                ]  # octal, hexadecimal, few parts: as the system does
            except OSError:
                if ":" not in name:
                    raise socket.gaierror(socket.EAI_NONAME, "no such name") from None
                addresses = [name]
        else:
            addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (address, int(port), 0, 0) if ":" in address else (address, int(port)),
            )
            for address in addresses
        ]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    """The one of this test, in the place of the real one."""
    one = Network()
    real = socket.socket
    with monkeypatch.context() as patch:

        class Led(real):  # type: ignore[valid-type, misc]
            """A socket that ends at the canary, whoever it was meant for."""

            def __init__(self, family: int = -1, *arguments: Any, **named: Any) -> None:
                super().__init__(socket.AF_INET if family == socket.AF_INET6 else family, *arguments, **named)

            def connect(self, address: Any) -> None:
                one.reached.append(str(address[0]))
                super().connect((one.canary.host, one.canary.port))

        patch.setattr(socket, "getaddrinfo", one.getaddrinfo)
        patch.setattr(socket, "socket", Led)
        yield one
    one.canary.close()
