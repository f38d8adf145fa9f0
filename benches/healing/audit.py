#!/usr/bin/env python3
"""Does to a server what the demos do, over and over, and sees from outside whether it heals.

Starts `chimera serve` with the shipped rules on a free port of loopback and, for some rounds, goes
through the faults in a shuffled order. What is judged by is what others see of the process: resident
memory, CPU time of its threads, the kernel's table of sockets, and what clients are answered. Beside
them a bystander asks `/test` all the time and keeps a connection; it must be answered each time.

    benches/healing/audit.py --binary target/release/chimera --rounds 3 --seed 1
    benches/healing/audit.py --only leak-60x5 slow --rounds 5
    benches/healing/audit.py --memory 10      # each demo 20 times a round, RSS when all is healed
    benches/healing/audit.py --canary 30      # so many leaks while the rules act in half of all cases

Prints a line for each check, with what was seen, and at the end which did not hold; exit status 1
if any did not.
"""
import argparse
import concurrent.futures
import http.client
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = os.sysconf("SC_CLK_TCK")


class Server:
    def __init__(self, binary, rules, arguments=()):
        self.log_file = tempfile.NamedTemporaryFile(mode="w+", suffix=".log")
        self.process = subprocess.Popen(
            [binary, "serve", "--port", "0", "--rules", rules, *arguments],
            stderr=self.log_file, stdout=subprocess.DEVNULL)
        self.pid = self.process.pid
        until = time.time() + 20
        while True:
            found = re.search(r"serving on http://127\.0\.0\.1:(\d+)", self.log())
            if found:
                break
            if time.time() > until or self.process.poll() is not None:
                raise SystemExit("the server did not start:\n" + self.log()[-2000:])
            time.sleep(0.05)
        self.port = int(found.group(1))

    def log(self):
        with open(self.log_file.name) as file:
            return file.read()

    def ask(self, method, path, timeout=40):
        """The status, the body and the seconds it took; status 0 if there was no answer."""
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException) as error:
            status, body = 0, json.dumps({"error": str(error)}).encode()
        finally:
            connection.close()
        took = time.monotonic() - began
        try:
            return status, json.loads(body), took
        except ValueError:
            return status, {}, took

    def get(self, path):
        return self.ask("GET", path)[1]

    def post(self, path):
        return self.ask("POST", path)

    def health(self):
        return self.get("/health")

    def actions(self):
        return self.get("/healing/actions?limit=200").get("actions", [])

    def rss(self):
        """Resident MiB."""
        with open(f"/proc/{self.pid}/statm") as file:
            return int(file.read().split()[1]) * PAGE / 1048576

    def cpu(self, background=False):
        """CPU seconds of all threads that there are, or of those that do background work."""
        total = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            try:
                with open(f"/proc/{self.pid}/task/{task}/stat") as file:
                    head, rest = file.read().rsplit(")", 1)
            except OSError:
                continue
            if background and not head.endswith("(background"):
                continue
            words = rest.split()
            total += int(words[11]) + int(words[12])
        return total / TICK

    def sockets(self):
        """Established TCP connections of the process by the kernel's table."""
        own = set()
        for name in os.listdir(f"/proc/{self.pid}/fd"):
            try:
                link = os.readlink(f"/proc/{self.pid}/fd/{name}")
            except OSError:
                continue
            if link.startswith("socket:["):
                own.add(link[8:-1])
        count = 0
        for table in ("tcp", "tcp6"):
            with open(f"/proc/{self.pid}/net/{table}") as file:
                for line in file.readlines()[1:]:
                    words = line.split()
                    count += words[3] == "01" and words[9] in own
        return count

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Bystander(threading.Thread):
    """Asks all the time over one connection that it keeps, and by a new one now and then."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.over, self.answered, self.harmed, self.slowest = port, False, 0, [], 0.0
        self.start()

    def run(self):
        kept = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self.over:
            for connection in (kept, None):
                fresh = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                began = time.monotonic()
                try:
                    fresh.request("GET", "/test")
                    answer = fresh.getresponse()
                    answer.read()
                    if answer.status != 200:
                        self.harmed.append(f"status {answer.status}")
                    self.answered += 1
                except (OSError, http.client.HTTPException) as error:
                    self.harmed.append(repr(error))
                self.slowest = max(self.slowest, time.monotonic() - began)
                if connection is None:
                    fresh.close()
            time.sleep(0.5)


class Load:
    """Clients that ask for something that may fail, over and over, and what they are answered."""

    def __init__(self, server, path, clients, method="POST", pause=0.0):
        self.server, self.path, self.method, self.pause = server, path, method, pause
        self.answers, self.over, self.lock = [], False, threading.Lock()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.over:
            status, body, took = self.server.ask(self.method, self.path)
            with self.lock:
                self.answers.append((time.monotonic(), status, bool(body.get("degraded")), took))
            time.sleep(self.pause)

    def since(self, moment):
        with self.lock:
            return [one for one in self.answers if one[0] >= moment]

    def stop(self):
        self.over = True
        for thread in self.threads:
            thread.join(45)


class Audit:
    def __init__(self, server):
        self.server, self.failed, self.where = server, [], ""

    def check(self, what, holds, seen):
        print(f"  {'ok ' if holds else 'NOT'} {what}: {seen}", flush=True)
        if not holds:
            self.failed.append(f"{self.where}: {what}: {seen}")

    def until(self, seconds, holds):
        """Seconds until it holds, or None."""
        began = time.monotonic()
        while True:
            if holds():
                return time.monotonic() - began
            if time.monotonic() - began > seconds:
                return None
            time.sleep(0.1)

    def quiet(self):
        """Waits until nothing is wrong and nothing set against it."""
        def well():
            health = self.server.health()
            return health.get("status") == "healthy"
        self.check("healthy before the next", self.until(60, well) is not None,
                   self.server.health().get("status"))

    def verdicts(self, fault, since_id, seconds):
        """Waits for a verdict on something that was done; the verdicts."""
        def judged():
            new = [one for one in self.server.actions()
                   if one["id"] > since_id and one["error_type"] == fault]
            return [one["verdict"] for one in new if one["verdict"] != "pending"] if new else []
        self.until(seconds, lambda: "verified" in judged())
        return judged()

    def last_id(self):
        return max([one["id"] for one in self.server.actions()], default=0)

    # The faults. Each says what was promised of it.

    def leak(self, size_mb, count):
        # What other faults left behind goes first: memory is compared with itself.
        before, last = self.server.rss(), self.last_id()
        status, body, took = self.server.post(f"/demo/memory-leak?size_mb={size_mb}&count={count}")
        self.check("the leak is made", status == 200, f"{status} in {took:.1f} s, {self.server.rss():.0f} MiB")
        took = self.until(30, lambda: self.server.rss() < before + 50)
        self.check("within 50 MiB of before in 15 s", took is not None and took <= 15,
                   f"{took and round(took, 1)} s, {before:.0f} -> {self.server.rss():.0f} MiB")
        said = self.verdicts("memory_leak", last, 20)
        # Of what never was over its threshold nobody knows whether it would have been.
        self.check("verified, or inconclusive below the threshold", "verified" in said
                   or size_mb * count + before < 400 and "inconclusive" in said, said)

    def cpu(self, duration, threads):
        last = self.last_id()
        self.server.post(f"/demo/cpu-overload?duration={duration}&num_threads={threads}")
        began = time.monotonic()

        def share():
            was, at = self.server.cpu(True), time.monotonic()
            time.sleep(1)
            return max(self.server.cpu(True) - was, 0) / (time.monotonic() - at) * 100
        now = share()
        while now > 75 and time.monotonic() - began < 12 or time.monotonic() - began < 4:
            now = share()
        self.check("the burn takes less than 75 % of a core in 12 s", now <= 75,
                   f"{now:.0f} % after {time.monotonic() - began:.1f} s")
        said = self.verdicts("cpu_overload", last, 12)
        self.check("verified while it lasts", "verified" in said and time.monotonic() - began < duration + 2,
                   f"{said} after {time.monotonic() - began:.1f} s of {duration}")
        time.sleep(max(0, duration + 1 - (time.monotonic() - began)))
        took = self.until(15, lambda: self.metric("background-duty") == 1)
        self.check("the throttle is taken back", took is not None, f"{took and round(took, 1)} s after it")

    def metric(self, name):
        answer = self.server.ask("GET", f"/metrics/history?metric={name}")[1]
        points = answer.get("series", {}).get(name, [])
        return points[-1][1] if points else None

    def connections(self, count):
        last, before = self.last_id(), self.server.sockets()
        status, body, took = self.server.post(f"/demo/connection-issues?connection_count={count}")
        self.check(f"{count} stand in 1 s", status == 200 and took <= 1 and body.get("total_connections") == count,
                   f"{status}, total {body.get('total_connections')} in {took:.2f} s, "
                   f"{self.server.sockets()} sockets, {before} before")
        took = self.until(20, lambda: self.server.sockets() <= 80)
        self.check("at most 80 sockets in 10 s", took is not None and took <= 10,
                   f"{took and round(took, 1)} s, {self.server.sockets()}")
        # With 40 connections or fewer there is nothing to heal.
        said = self.verdicts("connection_issues", last, 10)
        self.check("verified", "verified" in said, said)

    def failing(self, rate, latency_ms=0, clients=4, seconds=16, within=None):
        last = self.last_id()
        path = f"/demo/request-failures?failure_rate={rate}"
        if latency_ms:
            path += f"&latency_ms={latency_ms}"
        began = time.monotonic()
        load = Load(self.server, path, clients, pause=0.03)

        # By the log: asking the server would be one more client that is answered fast.
        told = "detected fault=request-failures"
        before = self.server.log().count(told)

        def detected():
            return self.server.log().count(told) > before
        found = self.until(12, detected)
        failures = [one for one in load.since(began) if one[1] not in (200, 503)]
        if found is None and len(failures) <= 0.1 * len(load.since(began)) and not latency_ms:
            load.stop()
            self.check("no client saw an error, so nothing to detect", True, f"{len(load.answers)} answers")
            return
        self.check(f"detected in {within or 8} s", found is not None and found <= (within or 8),
                   f"{found and round(found, 1)} s")
        time.sleep(5)
        healed = time.monotonic()
        time.sleep(seconds - 5)
        answers = load.since(healed)
        good = [one for one in answers if one[1] == 200]
        raw = [one for one in answers if one[1] not in (200, 503, 429)]
        self.check("9 of 10 get 200 from 5 s after it on", answers and len(good) >= 0.9 * len(answers),
                   f"{len(good)} of {len(answers)}, {sum(one[2] for one in good)} degraded")
        # An answer that was on its way as the level was set may still be one.
        self.check("no raw error", len(raw) == 0, f"{len(raw)} of {len(answers)}")
        if latency_ms:
            late = sorted(one[3] for one in answers)
            p95 = late[int(len(late) * 0.95)] if late else None
            self.check("p95 is under 3 s", p95 is not None and p95 < 3, f"{p95 and round(p95, 2)} s")
        load.stop()
        ended = time.monotonic()
        took = self.until(45, lambda: self.server.health().get("status") == "healthy")
        self.check("healthy within 30 s of the last call, without traffic", took is not None and
                   time.monotonic() - ended <= 30, f"{time.monotonic() - ended:.1f} s")
        said = self.verdicts("request_failures", last, 3)
        self.check("verified", "verified" in said, said)

    def texts(self):
        """Failures that are told of in words."""
        last, before = self.last_id(), self.server.get("/healing/status")["events_by_class"]
        for _ in range(3):
            self.server.ask("GET", "/demo/request-failures-immediate")
        took = self.until(10, lambda: self.last_id() > last)
        self.check("a burst of failures is acted on", took is not None, f"{took and round(took, 1)} s")
        after = self.server.get("/healing/status")["events_by_class"]
        more = sum(after.values()) - sum(before.values())
        self.check("they are told of and classified", more > 0, f"{before} -> {after}")
        said = self.verdicts("request_failures", last, 25)
        self.check("verified", "verified" in said, said)
        took = self.until(45, lambda: self.server.health().get("status") == "healthy")
        self.check("healthy again", took is not None, f"{took and round(took, 1)} s")

    def stress(self):
        status, body, took = self.server.post("/demo/stress-test")
        run = body.get("run_id")
        self.check("it answers at once with a run's id", status == 200 and run is not None and took < 1,
                   f"{status} {run} in {took:.2f} s")
        report = {}

        def over():
            report.update(self.server.get(f"/demo/stress-test/{run}"))
            return report.get("status") not in (None, "running")
        took = self.until(200, over)
        phases = report.get("phases", [])
        self.check("each of four phases is verified", len(phases) == 4 and all(one["verified"] for one in phases),
                   f"{report.get('status')} after {took and round(took)} s: " + ", ".join(
                       f"{one['fault']} {one['verified']} {one['healed_after_s']}" for one in phases))

    def kinds(self):
        return {
            "leak-60x5": lambda: self.leak(60, 5),
            "leak-75x5": lambda: self.leak(75, 5),
            "leak-50x4": lambda: self.leak(50, 4),
            "leak-60x8": lambda: self.leak(60, 8),
            "cpu-4": lambda: self.cpu(20, 4),
            "cpu-1": lambda: self.cpu(20, 1),
            "connections-60": lambda: self.connections(60),
            "connections-120": lambda: self.connections(120),
            "connections-1000": lambda: self.connections(1000),
            "failing-0.3": lambda: self.failing(0.3),
            "failing-0.5": lambda: self.failing(0.5),
            "failing-0.9": lambda: self.failing(0.9),
            "texts": self.texts,
            "slow": lambda: self.failing(0, 3600, within=8),
            "stress": self.stress,
        }


def settle(server):
    """Until nothing is wrong any more, and a little longer; MiB then."""
    until = time.time() + 60
    while server.health().get("status") != "healthy" and time.time() < until:
        time.sleep(0.5)
    time.sleep(6)
    return server.rss()


def memory(server, rounds):
    """Each demo 20 times a round; RSS after each round, when all is healed."""
    print(f"before: {settle(server):.1f} MiB", flush=True)
    demos = [
        ("POST", "/demo/memory-leak?size_mb=10&count=3"),
        ("POST", "/demo/cpu-overload?duration=1&num_threads=1"),
        ("POST", "/demo/connection-issues?connection_count=90"),
        ("POST", "/demo/request-failures?failure_rate=0.9"),
        ("GET", "/demo/request-failures-immediate"),
        ("GET", "/demo/status"), ("GET", "/demo/"), ("POST", "/demo/stress-test"),
        ("POST", "/demo/reset"),
    ]
    for number in range(1, rounds + 1):
        for _ in range(20):
            for method, path in demos:
                server.ask(method, path)
        healed = settle(server)
        metrics = server.health()["metrics"]["all"]
        parts = {name: value for name, value in metrics.items()
                 if name in ("allocated-mb", "threads", "history-readings") or name.startswith("reclaimable.")}
        print(f"round {number}: {healed:.1f} MiB; {parts}", flush=True)


def canary(server, runs):
    """Leaks that stay below the threshold, while the rules act in half of all cases: each is seen by
    its growth, then for a while by nothing, then because nobody asks for what it holds."""
    for rule in ("level", "growth", "unused"):
        server.post(f"/healing/mode?fault=memory_leak&rule={rule}&mode=canary%2050")
    acted = mixed = unseen = 0
    for number in range(1, runs + 1):
        last = max([one["id"] for one in server.actions()], default=0)
        server.post("/demo/memory-leak?size_mb=60&count=5")
        time.sleep(20)
        modes = [one["mode"] for one in server.actions() if one["id"] > last and one["rung"] > 0]
        held = server.rss() > 250
        acted += "enforce" in modes
        mixed += len(set(modes)) > 1 or ("enforce" in modes) == held
        unseen += not modes
        print(f"{number}: {modes}, {server.rss():.0f} MiB", flush=True)
        server.post("/demo/reset")
        time.sleep(2)
    print(f"of {runs} cases {acted} were acted on, {mixed} both, {unseen} unseen")
    return mixed == 0 and unseen == 0


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--binary", default="target/release/chimera")
    arguments.add_argument("--rules", default="metta")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", nargs="*")
    arguments.add_argument("--memory", type=int, metavar="ROUNDS")
    arguments.add_argument("--canary", type=int, metavar="RUNS")
    given = arguments.parse_args()
    server = Server(given.binary, given.rules)
    try:
        if given.memory:
            memory(server, given.memory)
            return
        if given.canary:
            sys.exit(0 if canary(server, given.canary) else 1)
        audit, bystander = Audit(server), Bystander(server.port)
        time.sleep(3)
        shuffled = random.Random(given.seed)
        for number in range(1, given.rounds + 1):
            kinds = [name for name in audit.kinds() if not given.only or name in given.only]
            shuffled.shuffle(kinds)
            for name in kinds:
                audit.where = f"round {number}, {name}"
                print(f"{audit.where} ({server.rss():.0f} MiB)", flush=True)
                audit.kinds()[name]()
                audit.quiet()
            print(f"round {number}: {settle(server):.1f} MiB", flush=True)
        bystander.over = True
        bystander.join(40)
        audit.where = "all the time"
        print(audit.where)
        audit.check("the bystander is answered", not bystander.harmed,
                    f"{bystander.answered} answers, slowest {bystander.slowest:.1f} s; {bystander.harmed[:5]}")
        print(f"{len(audit.failed)} did not hold" + "".join(f"\n  {one}" for one in audit.failed))
        sys.exit(1 if audit.failed else 0)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
