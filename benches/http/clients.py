#!/usr/bin/env python3
"""What many or bad clients do to the server, measured from outside, on loopback.

    clients.py CHIMERA idle [COUNT]   memory with COUNT keep-alive connections, one request each
    clients.py CHIMERA abuse          99th percentile of /health under each kind of abuse
    clients.py CHIMERA start          time to the first 200, and what it takes when idle

CHIMERA is the binary. Nothing but Python's own library is wanted.
"""

import asyncio
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    def __init__(self, binary, rules=None, *flags):
        self.port = free_port()
        arguments = [binary, "serve", "--port", str(self.port), "--log-level", "error", *flags]
        if rules is not None:
            self.rules = tempfile.TemporaryDirectory()
            with open(os.path.join(self.rules.name, "healing.metta"), "w") as file:
                file.write(rules)
            arguments += ["--rules", self.rules.name]
        self.started = time.perf_counter()
        self.process = subprocess.Popen(arguments)

    def __enter__(self):
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port)) as one:
                    one.sendall(self.request("/ready"))
                    if one.recv(64).startswith(b"HTTP/1.1 200"):
                        return self
            except OSError:
                pass
            time.sleep(0.0005)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def request(self, path, more=""):
        return f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\n{more}\r\n".encode()

    def rss_mib(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            line = next(line for line in file if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def answer(reader):
    """Reads one answer; returns its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            await reader.readexactly(int(line.split(b":")[1]))
    return int(head.split(b" ")[1])


async def connect(server):
    # Small buffers: the other end's are the server's affair.
    return await asyncio.open_connection("127.0.0.1", server.port, limit=16384)


async def idle(binary, count):
    rules = "(threshold connection-count 20000)\n"
    with Server(binary, rules, "--set", "limits.idle=300") as server:
        before = server.rss_mib()
        held = []
        for start in range(0, count, 200):
            fresh = await asyncio.gather(*(connect(server) for _ in range(min(200, count - start))))
            for _, writer in fresh:
                writer.write(server.request("/health"))
            statuses = await asyncio.gather(*(answer(reader) for reader, _ in fresh))
            assert set(statuses) == {200}, statuses
            held += fresh
        await asyncio.sleep(15)
        after = server.rss_mib()
        # Every one of them is still served.
        for _, writer in held[:: max(1, count // 100)]:
            writer.write(server.request("/live"))
        for reader, _ in held[:: max(1, count // 100)]:
            assert await answer(reader) == 200
        print(f"{count} connections: {before:.1f} -> {after:.1f} MiB, {(after - before) * 1024 / count:.1f} KiB each")
        for _, writer in held:
            writer.transport.abort()


async def probe(server, seconds, name):
    """Asks /health again and again on one connection; prints how long that takes."""
    reader, writer = await connect(server)
    times = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        writer.write(server.request("/health"))
        assert await answer(reader) == 200
        times.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.005)
    writer.transport.abort()
    times.sort()
    quantile = lambda share: times[min(len(times) - 1, int(len(times) * share))]
    print(f"{name:32} /health p50 {quantile(0.5):6.2f}  p99 {quantile(0.99):6.2f}  max {times[-1]:6.2f} ms  ({len(times)})")


ABUSERS = r'''
import os, random, socket, struct, sys, threading, time
kind, port = sys.argv[1], int(sys.argv[2])
host = f"host: 127.0.0.1:{port}\r\n".encode()
def connect():
    return socket.create_connection(("127.0.0.1", port))
held = []
def drip():
    for one in held:
        try: one.send(b"a: b\r\n")
        except OSError: pass
if kind == "slow-loris":
    for _ in range(2000):
        one = connect(); one.send(b"GET / HTTP/1.1\r\n" + host); held.append(one)
    print("on", flush=True)
    while True: drip(); time.sleep(0.5)
if kind == "idle":
    for _ in range(5000): held.append(connect())
    print("on", flush=True)
    time.sleep(600)
def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack(">I", stream) + payload
def literal(name, value):
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value
HEAD = (literal(b":method", b"GET") + literal(b":scheme", b"http") + literal(b":path", b"/health")
    + literal(b":authority", b"127.0.0.1"))
def frames(what):
    """Parts of what is sent on one HTTP/2 connection, without end."""
    stream = 1
    if what == "continuations":
        yield frame(1, 1, 1, HEAD)
    while True:
        if what == "resets":  # CVE-2023-44487
            part = b""
            for _ in range(200):
                part += frame(1, 5, stream, HEAD) + frame(3, 0, stream, b"\0\0\0\x08")
                stream += 2
            yield part
        elif what == "made resets":  # CVE-2025-8671: the server is brought to reset them
            part = b""
            for _ in range(200):
                part += frame(1, 4, stream, HEAD) + frame(8, 0, stream, b"\0\0\0\0")
                stream += 2
            yield part
        elif what == "continuations":  # CVE-2024-27316
            yield frame(9, 0, 1, literal(b"a", b"x" * 100) * 100)
        elif what == "pings":
            yield frame(6, 0, 0, b"12345678") * 3000
        elif what == "settings":
            yield frame(4, 0, 0, struct.pack(">HI", 3, 100)) * 2000
def flood(one, what):
    """Sends them until the server has enough. What it answers to pings and settings stays unread."""
    if what not in ("pings", "settings"):
        def read():
            try:
                while one.recv(65536): pass
            except OSError: pass
        threading.Thread(target=read, daemon=True).start()
    one.settimeout(5)
    one.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0))
    for part in frames(what): one.sendall(part)
print("on", flush=True)
noise = random.Random(1)
while True:
    try:
        one = connect(); one.settimeout(1)
        if kind == "malformed":
            one.sendall(noise.randbytes(noise.randrange(1, 400)) + b"\r\n\r\n")
            one.recv(1000)
        elif kind == "pipelining":
            one.sendall((b"GET /live HTTP/1.1\r\n" + host + b"\r\n") * 500)
            for _ in range(40): one.recv(65536)
        elif kind == "pipelining, unread":
            one.settimeout(0.2)
            one.sendall((b"GET /health HTTP/1.1\r\n" + host + b"\r\n") * 2000)
            time.sleep(0.2); held.append(one); held[:-200] = []
            continue
        elif kind.startswith("h2 "):
            flood(one, kind[3:])
        elif kind == "connecting":
            pass
        elif kind == "wide heads":
            one.sendall(b"GET / HTTP/1.1\r\n" + host + b"".join(b"h%d: %s\r\n" % (i, b"x" * 300) for i in range(200)) + b"\r\n")
            one.recv(1000)
        elif kind == "big bodies":
            one.sendall(b"POST /ingest HTTP/1.1\r\n" + host + b"content-length: 900000\r\n\r\n" + b"x" * 900000)
            one.recv(1000)
        one.close()
    except OSError: pass
'''


async def abuse(binary):
    with Server(binary, "") as server:
        await probe(server, 5, "nobody else")
        kinds = ["slow-loris", "idle", "malformed", "pipelining", "pipelining, unread", "connecting", "wide heads", "big bodies"]
        kinds += ["h2 resets", "h2 made resets", "h2 continuations", "h2 pings", "h2 settings"]
        for kind in kinds:
            with subprocess.Popen([sys.executable, "-c", ABUSERS, kind, str(server.port)], stdout=subprocess.PIPE) as abuser:
                await asyncio.to_thread(abuser.stdout.readline)
                await probe(server, 8, kind)
                abuser.kill()
        print(f"afterwards {server.rss_mib():.1f} MiB")


def start(binary):
    times = []
    for _ in range(10):
        with Server(binary) as server:
            times.append((time.perf_counter() - server.started) * 1000)
    times.sort()
    print(f"start to the first 200 of /ready: median {times[5]:.0f} ms, {times[0]:.0f} to {times[-1]:.0f} ms")
    with Server(binary) as server:
        time.sleep(5)
        before = server.cpu_seconds()
        time.sleep(60)
        used = server.cpu_seconds() - before
        print(f"idle: {server.rss_mib():.1f} MiB, {used / 60 * 100:.2f} % of a core over 60 s")


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    match sys.argv[1:]:
        case [binary, "idle", *count]:
            asyncio.run(idle(binary, int(count[0]) if count else 10000))
        case [binary, "abuse"]:
            asyncio.run(abuse(binary))
        case [binary, "start"]:
            start(binary)
        case _:
            sys.exit(__doc__)


main()
