"""Makes a program of a family at a size, and reads what engines answer."""

import re
from pathlib import Path

from families import Family

PROGRAMS = Path(__file__).resolve().parent / "programs"


def plain(answer: str) -> str:
    """The answer without the brackets that engines put around results."""
    return re.sub(r"^[\[(]+|[\])]+$", "", answer.strip()).strip().lower()


def render_facts(family: Family, suffix: str, n: int) -> str:
    """The facts of a program alone, with a `main` that does nothing for Prolog."""
    metta, prolog = family.facts(n)
    return metta if suffix == ".metta" else f"{prolog}main.\n"


def render(family: Family, suffix: str, n: int, words: dict[str, int]) -> str:
    facts = family.facts(n)[0 if suffix == ".metta" else 1]
    program = (PROGRAMS / f"{family.program_of or family.name}{suffix}").read_text()
    for word, value in ({"N": n} | family.fill(n) | words).items():
        program = program.replace(f"@{word}@", str(value))
    if suffix == ".metta":
        return facts + program
    # Directives first: `dynamic` has to precede the facts that it is about.
    declarations = [line for line in program.splitlines() if line.startswith(":-")]
    clauses = [line for line in program.splitlines() if not line.startswith(":-")]
    return "\n".join([*declarations, facts, *clauses]) + "\n"
