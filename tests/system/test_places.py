"""Where programs run: nothing is set up anywhere, and nothing is left behind."""

import os
import pty
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.support.notebooks import output_of_cells
from tests.support.processes import SRC, Place, read_line, until

PROGRAM = """\
import picloud as cloud

def square(x):
    return x * x

print(cloud.result(cloud.map(square, range(5))))
"""
ANSWER = "[0, 1, 4, 9, 16]\n"


def test_a_script_needs_no_main_guard(place: Place) -> None:
    assert place.output(place.script(PROGRAM)) == ANSWER


def test_a_script_with_a_main_guard_works_too(place: Place) -> None:
    guarded = PROGRAM.replace("print(", 'if __name__ == "__main__":\n    print(')
    assert place.output(place.script(guarded)) == ANSWER


def test_a_program_on_the_command_line_works(place: Place) -> None:
    assert place.output("-c", PROGRAM) == ANSWER


def test_a_program_from_standard_input_works(place: Place) -> None:
    assert place.output("-", text=PROGRAM) == ANSWER
    assert place.output(text=PROGRAM) == ANSWER


def test_a_module_run_with_m_works(place: Place) -> None:
    place.script(PROGRAM, "as_module.py")
    assert place.output("-m", "as_module") == ANSWER


def test_a_package_run_with_m_works(place: Place) -> None:
    package = place.work / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "inner.py").write_text("def square(x):\n    return x * x\n")
    program = PROGRAM.replace("def square(x):\n    return x * x\n", "from .inner import square\n")
    (package / "__main__.py").write_text(program)
    assert place.output("-m", "package") == ANSWER


def test_a_program_that_imports_a_module_beside_it_works(place: Place) -> None:
    place.script("import helper2\ndef square(x):\n    return helper2.times(x, x)\n", "helper.py")
    place.script("def times(x, y):\n    return x * y\n", "helper2.py")
    program = PROGRAM.replace(
        "def square(x):\n    return x * x\n", "import helper\nsquare = helper.square\n"
    )
    assert place.output(place.script(program)) == ANSWER


def test_a_program_in_a_directory_with_a_strange_name_works(place: Place) -> None:
    directory = place.work / "a b'c\" ü"
    directory.mkdir()
    (directory / "strange näme.py").write_text(PROGRAM)
    assert place.output(str(directory / "strange näme.py")) == ANSWER


def test_a_prompt_fed_by_a_pipe_works(place: Place) -> None:
    lines = PROGRAM.replace("    return x * x\n", "    return x * x\n\n")
    done = place.run("-i", text=lines)
    assert (done.returncode, done.stdout) == (0, ANSWER), done.stderr
    place.wait_clean()


def test_a_prompt_at_a_terminal_works(place: Place) -> None:
    ours, theirs = pty.openpty()
    how = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    with (
        open(ours, "r+b", buffering=0) as terminal,
        place.started("-q", env=place.environment(TERM="dumb"), **how) as program,
    ):
        os.close(theirs)
        for line in ("import picloud as cloud", "f = lambda x: x * 1111", "job = cloud.call(f, 4)"):
            terminal.write(line.encode() + b"\n")
        terminal.write(b"cloud.result(job)\n")
        seen = bytearray()

        def answered() -> bool:
            seen.extend(terminal.read(4096))
            return b"\n4444" in seen

        until(answered, "the prompt has answered")
        terminal.write(b"exit()\n")
        assert program.wait(20) == 0
    place.wait_clean()


def test_a_prompt_of_asyncio_awaits_the_twins(place: Place) -> None:
    lines = "import picloud as cloud\nprint(await (await cloud.acall(pow, 2, 7)))\n"
    done = place.run("-m", "asyncio", text=lines)
    assert done.returncode == 0, done.stderr
    assert "128" in done.stdout
    place.wait_clean()


def test_cells_of_a_notebook_work(place: Place) -> None:
    program = """\
import code
cells = ["import picloud as cloud", "def f(x):\\n    return x + 1\\n",
         "jobs = cloud.map(f, [1, 2])",
         "print(cloud.result(jobs))", "def f(x):\\n    return x - 1\\n",
         "print(cloud.result(cloud.map(f, [1, 2])))"]
shell = code.InteractiveInterpreter({"__name__": "__main__"})
for number, cell in enumerate(cells):
    assert not shell.runsource(cell, f"<cell {number}>", "exec")
"""
    assert place.output(place.script(program)) == "[2, 3]\n[0, 1]\n"


def test_a_notebook_works_cell_by_cell_in_both_spellings(place: Place) -> None:
    cells = [
        "import picloud as cloud",
        "def f(x):\n    return x + 1",
        "jobs = cloud.map(f, [1, 2])",
        "print(cloud.result(jobs))",
        "print([job.result() for job in cloud.as_completed(cloud.map(f, [5]))])",
        "print(await cloud.aresult(await cloud.amap(f, [3, 4])))",
        "cloud.close()",
    ]
    assert output_of_cells(place, cells) == "[2, 3]\n[6]\n[4, 5]\n"


def test_functions_of_a_pytest_module_work(place: Place) -> None:
    program = """\
import picloud as cloud

def square(x):
    return x * x

class Point:
    def __init__(self, x):
        self.x = x

def test_square():
    assert cloud.result(cloud.map(square, range(5))) == [0, 1, 4, 9, 16]

def test_class():
    assert cloud.result(cloud.call(lambda point: Point(point.x + 1), Point(1))).x == 2
"""
    path = place.script(program, "test_of_a_user.py")
    plain = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio")
    for mode in ("prepend", "importlib"):
        done = place.run(*plain, f"--import-mode={mode}", path)
        assert done.returncode == 0, done.stdout + done.stderr
    place.wait_clean()


def test_a_virtual_environment_that_is_not_activated_works(place: Place) -> None:
    directory = place.work / "venv"
    venv.create(directory, symlinks=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = directory / "lib" / version / "site-packages"
    import msgpack

    others = Path(msgpack.__file__).parents[1]
    (site / "borrowed.pth").write_text(f"{SRC}\n{others}\n")
    (site / "only_there.py").write_text("def square(x):\n    return x * x\n")
    environment = place.environment()
    del environment["PYTHONPATH"]
    program = PROGRAM.replace(
        "def square(x):\n    return x * x\n", "from only_there import square\n"
    )
    python = str(directory / "bin" / "python")
    assert place.output(python, place.script(program), env=environment) == ANSWER


def test_a_thread_may_be_the_first_to_use_the_cloud(place: Place) -> None:
    program = """\
import threading
import picloud as cloud

def run():
    print(cloud.result(cloud.map(lambda x: x * x, range(5))))

thread = threading.Thread(target=run)
thread.start()
thread.join()
print(cloud.result(cloud.call(pow, 2, 3)))
"""
    assert place.output(place.script(program)) == ANSWER + "8\n"


def test_a_thread_that_outlives_the_main_one_may_be_the_first_if_python_can(place: Place) -> None:
    program = """\
import threading
import picloud as cloud

def run():
    threading.main_thread().join()
    print(cloud.result(cloud.map(lambda x: x * x, range(5))))

threading.Thread(target=run).start()
"""
    ended = place.run(place.script(program))
    if sys.version_info[:2] == (3, 12):  # it starts no thread any more
        assert "can't create new thread at interpreter shutdown" in ended.stderr
    else:
        assert (ended.stdout, ended.stderr) == (ANSWER, "")
    place.wait_clean()


def test_many_threads_may_be_the_first_together(place: Place) -> None:
    program = """\
from concurrent.futures import ThreadPoolExecutor
import picloud as cloud

with ThreadPoolExecutor(8) as pool:
    print(sum(pool.map(lambda x: cloud.result(cloud.call(pow, x, 2)), range(16))))
"""
    assert place.output(place.script(program)) == "1240\n"


def test_asyncio_run_works_again_and_again(place: Place) -> None:
    program = """\
import asyncio
import picloud as cloud

async def main(x):
    return await (await cloud.acall(pow, x, 2))

print([asyncio.run(main(x)) for x in range(5)])
"""
    assert place.output(place.script(program)) == ANSWER


def test_a_forked_child_has_a_cloud_of_its_own(place: Place) -> None:
    program = """\
import os, sys
import picloud as cloud

print(cloud.result(cloud.call(pow, 2, 3)), flush=True)
pid = os.fork()
if pid == 0:
    print(cloud.result(cloud.call(pow, 2, 4)), flush=True)
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
print(cloud.result(cloud.call(pow, 2, 5)))
"""
    assert place.output(place.script(program)) == "8\n16\n32\n"


def test_a_forked_child_that_waits_for_a_future_of_its_parent_is_told_so(place: Place) -> None:
    program = """\
import os, sys, time
import picloud as cloud

future = cloud.call(time.sleep, 1000).future()
pid = os.fork()
if pid == 0:
    try:
        future.result()
    except RuntimeError as error:
        print(error, flush=True)
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
print(future.cancel())
"""
    told, cancelled = place.output(place.script(program)).splitlines()
    assert ("forked" in told, cancelled) == (True, "True")


def test_a_forked_child_that_does_nothing_disturbs_nobody(place: Place) -> None:
    program = """\
import os
import picloud as cloud

job = cloud.call(pow, 2, 3)
pid = os.fork()
if pid == 0:
    os._exit(0)
os.waitpid(pid, 0)
print(cloud.result(job))
"""
    assert place.output(place.script(program)) == "8\n"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_child_of_multiprocessing_works(place: Place, method: str) -> None:
    program = f"""\
import multiprocessing
import picloud as cloud

def work(x):
    return cloud.result(cloud.call(pow, x, 2))

if __name__ == "__main__":
    print(cloud.result(cloud.call(pow, 2, 3)))
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        print(pool.map(work, range(5)))
"""
    assert place.output(place.script(program)) == "8\n" + ANSWER


def test_several_embedded_clouds_live_in_one_process(place: Place) -> None:
    program = """\
import picloud as cloud

with cloud.embedded(workers=1) as one, cloud.embedded(workers=1) as two:
    jobs = [each.map(pow, range(3), [number] * 3) for number, each in enumerate((one, two, cloud))]
    print([each.result(job) for each, job in zip((one, two, cloud), jobs)])
print(cloud.result(cloud.call(pow, 2, 2)))
"""
    assert place.output(place.script(program)) == "[[1, 1, 1], [0, 1, 2], [0, 1, 4]]\n4\n"


def test_a_closed_cloud_is_started_again_by_the_next_verb(place: Place) -> None:
    program = """\
import picloud as cloud

for _ in range(3):
    print(cloud.result(cloud.call(pow, 2, 3)), cloud.close(), cloud.close())
"""
    assert place.output(place.script(program)) == "8 True False\n" * 3


def test_programs_run_side_by_side(place: Place) -> None:
    path = place.script(PROGRAM)
    with place.started(path) as one, place.started(path) as two, place.started(path) as three:
        for each in (one, two, three):
            assert each.stdout is not None
            assert read_line(each.stdout) + "\n" == ANSWER
        for each in (one, two, three):
            assert each.wait(20) == 0
    place.wait_clean()


def test_a_program_that_ends_leaves_its_state_directory_empty(place: Place) -> None:
    assert place.output(place.script(PROGRAM)) == ANSWER
    assert list(place.state.rglob("worker-*")) == []


def test_a_program_without_a_home_works(place: Place) -> None:
    environment = place.environment(HOME="/nonexistent")
    del environment["PICLOUD_STATE_DIR"]
    done = place.run(place.script(PROGRAM), env=environment)
    assert (done.returncode, done.stdout) == (0, ANSWER), done.stderr


def test_a_program_with_closed_standard_streams_works(place: Place) -> None:
    marker = place.work / "answer"
    program = PROGRAM.replace("print(", f"open({str(marker)!r}, 'w').write(str(") + ")"
    path = place.script(program)
    command = f"exec {sys.executable} '{path}' <&- >&- 2>&-"
    done = subprocess.run(
        ["sh", "-c", command], env=place.environment(), cwd=place.work, timeout=30, check=False
    )
    assert (done.returncode, marker.read_text()) == (0, ANSWER.strip())
    place.wait_clean()


def test_importing_picloud_starts_nothing(place: Place) -> None:
    program = "import picloud, threading, os; print(threading.active_count(), os.listdir('.'))"
    assert place.output("-c", program) == "1 []\n"
    assert list(place.state.iterdir()) == []


def test_a_process_of_a_job_that_would_start_a_cloud_of_its_own_is_refused(place: Place) -> None:
    program = """\
import picloud as cloud

def outer():
    import subprocess, sys
    program = f"import sys; sys.path[:] = {sys.path}; import picloud; picloud.call(pow, 3, 2)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    return done.stderr

print(cloud.result(cloud.call(outer)))
"""
    output = place.output(place.script(program))
    assert "a process that a job has started cannot use the cloud that runs the job" in output
