#!/usr/bin/env python3
"""How long it takes from a metric's crossing of its threshold to the effector's call.

Starts `chimera serve` with a rule of dwell 0 on `open-files` (read from /proc) and samples
each 100 ms; opens connections, the last of which is the crossing, and takes the effector's
time from the log. The moments are spread evenly over the time between two samples, in random
order, so that few rounds tell the median. Prints the quantiles in milliseconds.

    benches/healing/latency.py --binary target/release/chimera --rounds 200
"""
import argparse
import datetime
import os
import random
import re
import socket
import subprocess
import tempfile
import threading
import time

INTERVAL = 0.1
RULES = """(sample-interval 0.1)
(fault files) (priority files 1) (target files self)
(threshold open-files {limit})
(hold open-files 0) (recovered open-files 1) (leave-hold open-files 0)
(means open-files files)
(ladder files tell)
(rung files tell 1 (alert "crossed") 0)
(cooldown files 0) (backoff 1) (backoff-max 0) (jitter 0) (seed 1) (patience 3600)
"""


# Connections opened before the crossing and with it; the server may open some files itself.
MORE = 8


class Log:
    """Lines of the server's log with the time that stands in each."""

    def __init__(self, stream):
        self.lines, self.lock = [], threading.Lock()
        threading.Thread(target=self.read, args=(stream,), daemon=True).start()

    def read(self, stream):
        for line in stream:
            with self.lock:
                self.lines.append(line)

    def find(self, pattern, since=0.0, patience=20.0):
        until = time.time() + patience  # The first such line is wanted.
        while time.time() < until:
            with self.lock:
                for line in self.lines:
                    found = re.search(pattern, line)
                    stamp = re.match(r"\d{4}-\d\d-\d\dT\S+Z", line)
                    if found and stamp:
                        at = datetime.datetime.fromisoformat(stamp.group(0).replace("Z", "+00:00")).timestamp()
                        if at >= since:
                            return at, found
            time.sleep(0.02)
        raise SystemExit(f"no line of the log matches {pattern}:\n{''.join(self.lines[-20:])}")


def serve(binary, folder, rules):
    with open(os.path.join(folder, "healing.metta"), "w") as file:
        file.write(rules)
    limits = os.path.join(folder, "limits.toml")
    with open(limits, "w") as file:
        file.write("[limit.alert]\nper_minute = 1000000\n")
    server = subprocess.Popen(
        [binary, "serve", "--port", "0", "--rules", folder, "--outside", limits],
        stderr=subprocess.PIPE, text=True)
    log = Log(server.stderr)
    _, found = log.find(r"serving on http://127\.0\.0\.1:(\d+)")
    return server, log, int(found.group(1))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--binary", default="target/release/chimera")
    arguments.add_argument("--rounds", type=int, default=200)
    arguments.add_argument("--rules", default="metta", help="where the rules' machine stands")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(os.path.abspath(os.path.join(given.rules, "healing")), os.path.join(folder, "healing"))
        server, log, port = serve(given.binary, folder, RULES.format(limit=100000))
        try:
            time.sleep(1)
            usual = len(os.listdir(f"/proc/{server.pid}/fd"))
            with open(os.path.join(folder, "healing.metta"), "w") as file:
                file.write(RULES.format(limit=usual + MORE + MORE // 2))
            log.find("rules are in force")
            took = []
            for moment in random.sample(range(given.rounds), given.rounds):
                clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(MORE)]
                time.sleep(0.5)
                phase = (moment + 0.5) / given.rounds * INTERVAL
                time.sleep((phase - time.time()) % INTERVAL)
                began = time.time()
                clients += [socket.create_connection(("127.0.0.1", port)) for _ in range(MORE)]
                at, _ = log.find(r"acted .*crossed", since=began)
                took.append((at - began) * 1000)
                for client in clients:
                    client.close()
                log.find("recovered", since=at)
        finally:
            server.terminate()
            server.wait()
    took.sort()
    quantile = lambda share: took[min(int(len(took) * share), len(took) - 1)]
    print(f"{len(took)} crossings: p50 {quantile(0.5):.1f} ms, p90 {quantile(0.9):.1f}, "
          f"p99 {quantile(0.99):.1f}, most {took[-1]:.1f}")


if __name__ == "__main__":
    main()
