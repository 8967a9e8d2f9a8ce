"""Everything that is checked about PiCloud, one session each.

`nox` runs the four that a change must pass: tests, lint, typing, layers. `nox -l` lists them all;
`nox -s tests -- -k map` hands what follows `--` to the tool inside.
"""

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["tests", "lint", "typing", "layers"]
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = False

GROUPS = nox.project.load_toml("pyproject.toml")


def install(session: nox.Session, *groups: str, project: bool = True) -> None:
    """Put PiCloud itself and the named dependency groups into the session's environment."""
    wanted = nox.project.dependency_groups(GROUPS, *groups) if groups else ()
    session.install(*(["."] if project else []), *wanted)


@nox.session
def tests(session: nox.Session) -> None:
    """The tests, on this Python, in two processes: a file is never split between them."""
    install(session, "test")
    parallel = ("--numprocesses=2", "--dist=loadfile")
    session.run("pytest", "--ignore=tests/architecture", *parallel, *session.posargs)


@nox.session(python=["3.11", "3.12", "3.13"])
def tests_on(session: nox.Session) -> None:
    """The tests, on each Python that is supported and installed here."""
    tests(session)


@nox.session
def lint(session: nox.Session) -> None:
    """Format and lint rules."""
    install(session, "lint", project=False)
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """mypy --strict on src."""
    install(session, "typing")
    session.run("mypy", *session.posargs)


@nox.session
def layers(session: nox.Session) -> None:
    """The rules of the architecture: who imports whom, budgets, names, tables, generated pages."""
    install(session, "test")
    session.run("pytest", "tests/architecture", *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """The first example of the README."""
    install(session)
    session.run("python", "examples/census.py")


@nox.session
def bench(session: nox.Session) -> None:
    """The benchmarks."""
    install(session)
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session(name="bench-rivals")
def bench_rivals(session: nox.Session) -> None:
    """The benchmarks, next to Ray and Dask."""
    install(session, "rivals")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Write the generated pages again; fails when one of them was stale."""
    install(session)
    session.run("python", "docs/generate.py")


@nox.session
def changelog(session: nox.Session) -> None:
    """Show the next release notes; `-- --version 0.2.0` writes them."""
    install(session, "changelog", project=False)
    session.run("towncrier", "build", *(session.posargs or ["--draft", "--version", "next"]))
