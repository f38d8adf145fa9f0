"""Many programs through the reference engine and through ours, quickly.

The reference is loaded once; each program runs in a fork of that process, bounded in time and memory, one directive
after the other, also after an error. Ours evaluates a batch of files per process.
"""

import json
import os
import re
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import record

BYTES_MAX = 2 << 30


class Answers:
    """What an engine gave for one program: per directive its results, and the CPU seconds it took.

    `directives` is a text instead if the engine gave no answer, and says why.
    """

    def __init__(self, directives, seconds=None):
        self.directives = directives
        self.seconds = seconds

    def normal(self):
        """The results as multisets, up to the names of variables."""
        if isinstance(self.directives, str):
            return self.directives
        return [sorted(results) for results in self.directives]

    def without_order(self):
        """As `normal`, and without the order inside of expressions."""
        if isinstance(self.directives, str):
            return self.directives
        return [sorted(map(without_order, results)) for results in self.directives]


def told(text):
    """The text as an answer is compared: strings in it without names of variables and addresses of spaces."""
    def plain(string):
        return re.sub(r"GroundingSpace-0x[0-9a-f]+", "GroundingSpace-0x0", re.sub(r"\$[^\s()\[\],\"\\\\]+", "$", string.group()))

    return re.sub(r'"(?:\\.|[^"\\])*"', plain, record.canonical(text))


def without_order(text):
    """The text with the members of each expression sorted and variables without their names.

    The order in which alternatives are gathered shows in the value of `collapse`; it is not part of the meaning.
    """
    levels = [[]]
    for word in re.findall(r'"(?:\\.|[^"\\])*"|[()]|[^\s()"]+', text):
        if word.startswith('"'):
            # What an assertion expected and got.
            word = " ".join(sorted(re.split(r"(?:\\[n\"]|[\s,()\[\]\"])+", word)))
        if word == "(":
            levels.append([])
        elif word == ")" and len(levels) > 1:
            members = levels.pop()
            levels[-1].append("(" + " ".join(sorted(members)) + ")")
        else:
            levels[-1].append("$" if word.startswith("$") else word)
    return " ".join(" ".join(level) for level in levels)


class Reference:
    """The reference engine, ready to be forked."""

    def __init__(self, seconds_max):
        from hyperon import Environment, MeTTa

        self.seconds_max = seconds_max
        self.environment, self.engine_type = Environment, MeTTa
        self.engine = self.fresh(os.getcwd())

    def fresh(self, directory):
        environment = self.environment.custom_env(working_dir=str(directory), is_test=True)
        return self.engine_type(env_builder=environment)

    def ask(self, text, directory=None):
        """The answers to a program; modules are looked for in `directory`."""
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(ours)
            self.answer(text, directory, theirs)
        os.close(theirs)
        lines, whole = self.listen(child, ours)
        reports = [json.loads(line) for line in lines]
        if whole:
            return Answers(reports[:-1], reports[-1])
        if reports and reports[-1] == "!dies":
            return Answers("dies", None)
        return Answers("dies" if whole is None else "no answer in time")

    def ask_anew(self, text):
        """The answers of another process: what hangs on the order of its tables is the same in all forks of this one."""
        source = f"import sys\nfrom engines import Reference\nanswers = Reference({self.seconds_max}).ask(sys.stdin.read())\n"
        source += "import json\nprint(json.dumps(answers.directives))"
        done = subprocess.run([sys.executable, "-c", source], cwd=Path(__file__).parent, input=text, capture_output=True,
                              text=True, check=False)
        return Answers(json.loads(done.stdout) if done.returncode == 0 else "dies")

    def answer(self, text, directory, descriptor):
        """In the child: a JSON line per directive, and per definition with results, then the CPU seconds."""
        try:
            resource.setrlimit(resource.RLIMIT_AS, (BYTES_MAX, BYTES_MAX))
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            engine = self.fresh(directory) if directory else self.engine
            before = time.process_time()
            for _, source, directive in record.forms(text):
                try:
                    results = engine.run(("! " if directive else "") + source.removeprefix("!" if directive else ""))
                    answer = [told(str(atom)) for atom in (results or [[]])[0]]
                except RuntimeError as error:
                    answer = [f"!raises {json.dumps(str(error), ensure_ascii=False)}"]
                    results = None
                # What is written without `!` gives results too, where it is ill-typed and types are checked.
                if directive or results and any(results):
                    os.write(descriptor, json.dumps(answer).encode() + b"\n")
            os.write(descriptor, json.dumps(time.process_time() - before).encode() + b"\n")
        finally:
            os._exit(0)

    def listen(self, child, descriptor):
        """The child's lines, and whether it came to its end (`None`: it died)."""
        deadline = time.monotonic() + self.seconds_max
        parts, ended = [], False
        while (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select([descriptor], [], [], left)
            if not ready:
                break
            part = os.read(descriptor, 1 << 16)
            if not part:
                ended = True
                break
            parts.append(part)
        os.close(descriptor)
        if not ended:
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        lines = b"".join(parts).split(b"\n")
        lines = [line for line in lines[:-1]]
        came_to_end = bool(lines) and ended and not lines[-1].startswith(b"[")
        return lines, came_to_end if came_to_end else (None if ended else False)


class Ours:
    """The `chimera` binary, or with other arguments the program `examples/run.rs`."""

    def __init__(self, binary, seconds_max, arguments=("run", "--json", "--keep-going")):
        self.command = [binary, *arguments]
        self.seconds_max = seconds_max

    def ask_all(self, texts):
        """The answers to many programs, from one process while all goes well."""
        with tempfile.TemporaryDirectory() as folder:
            files = [os.path.join(folder, f"{number}.metta") for number in range(len(texts))]
            for file, text in zip(files, texts):
                Path(file).write_text(text)
            found = self.run(files, self.seconds_max + len(files))
            if isinstance(found, str):
                return [self.ask(file) for file in files]
            return [Answers(found.get(file, [])) for file in files]

    def ask(self, file):
        """The answers to one program in a file."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = self.run([str(file)], self.seconds_max)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Answers(found if isinstance(found, str) else found.get(str(file), []), seconds)

    def run(self, files, seconds):
        """Results per directive by file, or why there are none."""
        command = [*self.command, *files]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            return "no answer in time"
        if done.returncode not in (0, 1):
            return f"status {done.returncode}: {done.stderr}"
        found = {}
        for line in done.stdout.splitlines():
            directive = json.loads(line)
            results = [told(result) for result in directive["results"]]
            found.setdefault(directive["file"], []).append(results)
        return found
