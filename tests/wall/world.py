"""A small internet inside a network namespace: addresses, a canary on each, names, one public host.

Everything here listens; nothing leaves the namespace, whose only interface is loopback.
"""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PUBLIC, PUBLIC_6 = "93.184.215.14", "2606:2800:220:1::14"
CANARIES = (
    "127.0.0.1",
    "10.0.0.5",
    "172.16.0.5",
    "192.168.1.5",
    "100.100.100.200",
    "169.254.169.254",
    "192.0.0.8",
    "198.18.0.5",
    "::1",
    "fd00:ec2::254",
    "fe80::5",
    "fec0::5",
    "64:ff9b::a9fe:a9fe",
    "2002:a00:5::1",
    "2001:0:a00:5::1",
)
PORTS = (80, 443, 8080, 8443)
PROXY = "http://10.0.0.5:8080"
GOOD = "good.example"
NAMES = {
    GOOD: [PUBLIC],
    "good6.example": [PUBLIC_6],
    "metadata.example": ["169.254.169.254"],
    "cloud.example": ["100.100.100.200"],
    "metadata6.example": ["fd00:ec2::254"],
    "loop.example": ["127.0.0.1"],
    "loop6.example": ["::1"],
    "mixed.example": [PUBLIC, "10.0.0.5"],
    "mixed6.example": [PUBLIC, "64:ff9b::a9fe:a9fe"],
    "mapped.example": ["::ffff:10.0.0.5"],
    "nat64.example": ["64:ff9b::a9fe:a9fe"],
    "sixtofour.example": ["2002:a00:5::1"],
    "teredo.example": ["2001:0:a00:5::1"],
    "site.example": ["fec0::5"],
    "any.example": ["0.0.0.0"],  # noqa: S104  a name's answer, not bound
}
REBINDING = "rebind.example"
"""First public, then internal, then public again: each question gets the other answer."""


@dataclass
class World:
    """What was hit; `asked` are the names that the resolver was asked for."""

    hits: list[tuple[str, int]] = field(default_factory=list)
    served: list[bytes] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


def build(folder: Path) -> World:
    """Addresses, resolver, canaries and the public host, in this process's namespaces.
    `certificate` has been there before."""
    world = World()
    _addresses()
    _resolver(folder, world)
    for address in CANARIES:
        for port in PORTS:
            _listen(address, port, lambda end, at=(address, port): _canary(world, end, at))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "server.pem")
    for address in (PUBLIC, PUBLIC_6):
        for port in (443, 8443):
            _listen(address, port, lambda end: _public(world, tls, end))
        for port in (80, 8080):
            _listen(address, port, lambda end, at=(address, port): _canary(world, end, at))
    return world


def _addresses() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in (*CANARIES, PUBLIC, PUBLIC_6):
        if address not in ("127.0.0.1", "::1"):
            words = ["ip", "address", "add", address, "dev", "lo"]
            subprocess.run([*words, "nodad"] if ":" in address else words, check=True)


def _resolver(folder: Path, world: World) -> None:
    """A name server of our own, and a resolv.conf and hosts file that know nothing else."""
    for name, text in (
        ("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"),
        ("hosts", "127.0.0.1 localhost\n"),
    ):
        (folder / name).write_text(text)
        subprocess.run(["mount", "--bind", str(folder / name), f"/etc/{name}"], check=True)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 53))

    def serve() -> None:
        while True:
            question, asker = sock.recvfrom(512)
            sock.sendto(_answer(question, world), asker)

    threading.Thread(target=serve, daemon=True).start()


def _answer(question: bytes, world: World) -> bytes:
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode())
        at += question[at] + 1
    (kind,) = struct.unpack("!H", question[at + 1 : at + 3])
    name = ".".join(labels).lower()
    world.asked.append(name)
    known = NAMES.get(name)
    if name == REBINDING:
        known = [PUBLIC] if world.asked.count(name) % 4 in (1, 2) else ["10.0.0.5"]
    records = b""
    for text in known or ():
        packed = ipaddress.ip_address(text).packed
        if kind == (1 if len(packed) == 4 else 28):
            records += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 0, len(packed)) + packed
    count = records.count(b"\xc0\x0c" + struct.pack("!HHI", kind, 1, 0))
    flags = 0x8180 if known else 0x8183
    head = question[:2] + struct.pack("!HHHHH", flags, 1, count, 0, 0)
    return head + question[12 : at + 5] + records


def _listen(address: str, port: int, take: Callable[[socket.socket], None]) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    scope = (address, port, 0, 1) if address.startswith("fe80") else (address, port)
    sock.bind(scope)
    sock.listen()

    def serve() -> None:
        while True:
            end, _ = sock.accept()
            threading.Thread(target=take, args=(end,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()


def _canary(world: World, end: socket.socket, at: tuple[str, int]) -> None:
    """Whoever connects here has broken through the wall."""
    world.hits.append(at)
    end.close()


def _public(world: World, tls: ssl.SSLContext, plain: socket.socket) -> None:
    """The one host on the open internet: takes messages, and tries to send callers elsewhere."""
    try:
        with tls.wrap_socket(plain, server_side=True) as end:
            end.settimeout(30)
            request = b""
            while b"\r\n\r\n" not in request:
                request += end.recv(65_536)
            world.served.append(request.split(b"\r\n")[0])
            end.sendall(_reply(request))
    except OSError:
        plain.close()


def _reply(request: bytes) -> bytes:
    ack = b'{"message":{"ack":{"status":"ACK"}}}'
    path = request.split()[1]
    for status, place in ((302, "https://169.254.169.254/"), (307, "http://10.0.0.5:8080/")):
        if path.startswith(f"/{status}".encode()):
            head = f"HTTP/1.1 {status} Elsewhere\r\nLocation: {place}\r\nContent-Length: 0"
            return head.encode() + b"\r\nConnection: close\r\n\r\n"
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(ack)}\r\nConnection: close\r\n\r\n"
    return head.encode() + ack


def certificate(folder: Path) -> Path:
    """For every name and the public addresses; the file that whoever trusts it names as its
    SSL_CERT_FILE, before it starts."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "wall")])
    names = [x509.DNSName(each) for each in (*NAMES, REBINDING)]
    hosts = [x509.IPAddress(ipaddress.ip_address(each)) for each in (PUBLIC, PUBLIC_6)]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([*names, *hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "ca.pem").write_bytes(pem)
    (folder / "server.pem").write_bytes(pem + private)
    return folder / "ca.pem"
