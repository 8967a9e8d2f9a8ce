"""Source layouts: how a leaf can be reached from a program, in every way that users have."""

LEAF = "def answer(): return {n}"

LAYOUTS: dict[str, tuple[dict[str, str], str, str]] = {
    # name: files, what is imported and called, the leaf that is edited
    "a module": ({"leaf.py": LEAF}, "import leaf; f = leaf.answer", "leaf.py"),
    "a function taken from a module": (
        {"leaf.py": LEAF},
        "from leaf import answer as f",
        "leaf.py",
    ),
    "through another module": (
        {"mod.py": "import leaf\ndef f(): return leaf.answer()", "leaf.py": LEAF},
        "from mod import f",
        "leaf.py",
    ),
    "a name taken from another module": (
        {"mod.py": "from leaf import answer\ndef f(): return answer()", "leaf.py": LEAF},
        "from mod import f",
        "leaf.py",
    ),
    "a function of the program": (
        {"leaf.py": LEAF},
        "import leaf\ndef f(): return leaf.answer()",
        "leaf.py",
    ),
    "a lambda of the program": (
        {"leaf.py": LEAF},
        "import leaf; f = lambda: leaf.answer()",
        "leaf.py",
    ),
    "a lambda of a module": ({"leaf.py": "f = lambda: {n}"}, "from leaf import f", "leaf.py"),
    "a lambda of a module that a function names": (
        {"leaf.py": "answer = lambda: {n}"},
        "from leaf import answer\ndef f(): return answer()",
        "leaf.py",
    ),
    "an import inside a function of the program": (
        {"leaf.py": LEAF},
        "def f():\n    import leaf\n    return leaf.answer()",
        "leaf.py",
    ),
    "a relative import in a package": (
        {"pack/__init__.py": "from .leaf import answer as f", "pack/leaf.py": LEAF},
        "from pack import f",
        "pack/leaf.py",
    ),
    "from . import": (
        {
            "pack/__init__.py": "",
            "pack/mod.py": "from . import leaf\ndef f(): return leaf.answer()",
            "pack/leaf.py": LEAF,
        },
        "from pack.mod import f",
        "pack/leaf.py",
    ),
    "two dots": (
        {
            "pack/__init__.py": "",
            "pack/leaf.py": LEAF,
            "pack/deep/__init__.py": "",
            "pack/deep/mod.py": "from ..leaf import answer as f",
        },
        "from pack.deep.mod import f",
        "pack/leaf.py",
    ),
    "a package itself": (
        {"pack/__init__.py": LEAF},
        "from pack import answer as f",
        "pack/__init__.py",
    ),
    "a submodule reached by attribute": (
        {"pack/__init__.py": "", "pack/leaf.py": LEAF},
        "import pack.leaf\ndef f(): return pack.leaf.answer()",
        "pack/leaf.py",
    ),
    "a namespace package": (
        {"space/leaf.py": LEAF, "space/mod.py": "from space.leaf import answer as f"},
        "from space.mod import f",
        "space/leaf.py",
    ),
    "a conditional import": (
        {"mod.py": "if True:\n    import leaf\ndef f(): return leaf.answer()", "leaf.py": LEAF},
        "from mod import f",
        "leaf.py",
    ),
    "an import that replaces a missing one": (
        {
            "mod.py": "try:\n    import nowhere as leaf\nexcept ImportError:\n    import leaf\n"
            "def f(): return leaf.answer()",
            "leaf.py": LEAF,
        },
        "from mod import f",
        "leaf.py",
    ),
    "an import inside a function of a module": (
        {"mod.py": "def f():\n    import leaf\n    return leaf.answer()", "leaf.py": LEAF},
        "from mod import f",
        "leaf.py",
    ),
    "an import inside a method": (
        {
            "mod.py": "class C:\n    def m(self):\n        from leaf import answer\n"
            "        return answer()\ndef f(): return C().m()",
            "leaf.py": LEAF,
        },
        "from mod import f",
        "leaf.py",
    ),
    "a star import": (
        {"mod.py": "from leaf import *\ndef f(): return answer()", "leaf.py": LEAF},
        "from mod import f",
        "leaf.py",
    ),
    "a star import of a package": (
        {
            "mod.py": "from pack import *\ndef f(): return leaf.answer()",
            "pack/__init__.py": "__all__ = ['leaf']",
            "pack/leaf.py": LEAF,
        },
        "from mod import f",
        "pack/leaf.py",
    ),
    "a literal dynamic import": (
        {
            "mod.py": "import importlib\ndef f(): return importlib.import_module('leaf').answer()",
            "leaf.py": LEAF,
        },
        "from mod import f",
        "leaf.py",
    ),
    "a plugin with a computed name": (
        {
            "pack/__init__.py": "import importlib\n"
            "def f(name='leaf'): return importlib.import_module('pack.' + name).answer()",
            "pack/leaf.py": LEAF,
        },
        "from pack import f",
        "pack/leaf.py",
    ),
    "plugins that are looked for": (
        {
            "pack/__init__.py": "",
            "pack/mod.py": "import pack, pkgutil, importlib\n"
            "def f():\n"
            "    names = [m.name for m in pkgutil.iter_modules(pack.__path__)]\n"
            "    (name,) = set(names) - {'mod'}\n"
            "    return importlib.import_module('pack.' + name).answer()",
            "pack/leaf.py": LEAF,
        },
        "from pack.mod import f",
        "pack/leaf.py",
    ),
    "plugins of a package that the program looks for": (
        {"pack/__init__.py": "", "pack/leaf.py": LEAF},
        "import importlib, pack, pkgutil\ndef f():\n"
        "    (name,) = [m.name for m in pkgutil.iter_modules(pack.__path__)]\n"
        "    return importlib.import_module('pack.' + name).answer()",
        "pack/leaf.py",
    ),
    "plugins in a package without a file": (
        {"pack/leaf.py": LEAF},
        "import os, pack\ndef f():\n    from importlib import import_module as load\n"
        "    names = [n[:-3] for n in os.listdir(pack.__path__[0]) if n.endswith('.py')]\n"
        "    return load('pack.' + names[0]).answer()",
        "pack/leaf.py",
    ),
    "a package of which nothing is needed": (
        {"leaf.py": "import pack\n" + LEAF, "pack/other.py": ""},
        "from leaf import answer as f",
        "leaf.py",
    ),
    "a circle of imports": (
        {
            "one.py": "import two\ndef f(): return two.answer()",
            "two.py": "import one\n" + LEAF,
        },
        "from one import f",
        "two.py",
    ),
    "a class": (
        {"leaf.py": "class C:\n    def m(self): return {n}\ndef f(): return C().m()"},
        "from leaf import f",
        "leaf.py",
    ),
    "a bound method of a class of a module": (
        {"leaf.py": "class C:\n    def m(self): return {n}"},
        "import leaf; f = leaf.C().m",
        "leaf.py",
    ),
    "an instance of a class of a module in a closure": (
        {"leaf.py": "class C:\n    def m(self): return {n}"},
        "import leaf\ndef make(c):\n    return lambda: c.m()\nf = make(leaf.C())",
        "leaf.py",
    ),
    "a callable object": (
        {"leaf.py": "class C:\n    def __call__(self): return {n}"},
        "import leaf; f = leaf.C()",
        "leaf.py",
    ),
    "a partial": (
        {"leaf.py": "def answer(x): return {n} * x"},
        "import leaf, functools; f = functools.partial(leaf.answer, 1)",
        "leaf.py",
    ),
    "a coroutine function": (
        {"mod.py": "import leaf\nasync def f(): return leaf.answer()", "leaf.py": LEAF},
        "from mod import f",
        "leaf.py",
    ),
    "a decorated function": (
        {
            "mod.py": "import functools, leaf\ndef deco(g):\n    @functools.wraps(g)\n"
            "    def inner(): return g()\n    return inner\n@deco\ndef f(): return leaf.answer()",
            "leaf.py": LEAF,
        },
        "from mod import f",
        "leaf.py",
    ),
    "a function that a decorator has wrapped as it likes": (
        {
            "mod.py": "def deco(g):\n    def inner(): return g()\n    return inner",
            "leaf.py": "from mod import deco\n@deco\n" + LEAF,
        },
        "from leaf import answer as f",
        "leaf.py",
    ),
    "a decorator that is edited": (
        {
            "leaf.py": "def deco(g):\n    def inner(): return g() + {n}\n    return inner",
            "mod.py": "import leaf\n@leaf.deco\ndef f(): return 0",
        },
        "from mod import f",
        "leaf.py",
    ),
    "a method that a decorator has wrapped as it likes": (
        {
            "leaf.py": "def deco(g):\n    def inner(self): return g(self)\n    return inner\n"
            "class C:\n    @deco\n    def m(self): return {n}"
        },
        "import leaf; f = leaf.C().m",
        "leaf.py",
    ),
    "a cached function of a module": (
        {"leaf.py": "import functools\n@functools.cache\n" + LEAF},
        "from leaf import answer as f",
        "leaf.py",
    ),
    "a constant of a module": (
        {"mod.py": "from leaf import N\ndef f(): return N", "leaf.py": "N = {n}"},
        "from mod import f",
        "leaf.py",
    ),
    "a base class in another module": (
        {
            "mod.py": "from leaf import Base\nclass C(Base): pass\ndef f(): return C().m()",
            "leaf.py": "class Base:\n    def m(self): return {n}",
        },
        "from mod import f",
        "leaf.py",
    ),
    "a dataclass": (
        {
            "leaf.py": "from dataclasses import dataclass\n@dataclass\nclass D:\n    n: int = {n}\n"
            "def f(): return D().n"
        },
        "from leaf import f",
        "leaf.py",
    ),
    "deep packages": (
        {
            "a/__init__.py": "",
            "a/b/__init__.py": "",
            "a/b/c/__init__.py": "from a.b.c.leaf import answer",
            "a/b/c/leaf.py": LEAF,
        },
        "import a.b.c\ndef f(): return a.b.c.answer()",
        "a/b/c/leaf.py",
    ),
    "a package with a file of data": (
        {
            "pack/__init__.py": "from importlib import resources\n"
            "def f(): return int(resources.files('pack').joinpath('n.txt').read_text())",
            "pack/n.txt": "{n}",
        },
        "from pack import f",
        "pack/n.txt",
    ),
    "a file of data beside a module": (
        {
            "pack/__init__.py": "",
            "pack/mod.py": "from pathlib import Path\n"
            "def f(): return int((Path(__file__).parent / 'data' / 'n.txt').read_text())",
            "pack/data/n.txt": "{n}",
        },
        "from pack.mod import f",
        "pack/data/n.txt",
    ),
    "a file of data through pkgutil": (
        {
            "pack/__init__.py": "import pkgutil\n"
            "def f(): return int(pkgutil.get_data('pack', 'n.txt'))",
            "pack/n.txt": "{n}",
        },
        "from pack import f",
        "pack/n.txt",
    ),
    "a file of data of the package above": (
        {
            "pack/__init__.py": "",
            "pack/sub/mod.py": "from pathlib import Path\n"
            "def f(): return int((Path(__file__).parent.parent / 'data' / 'n.txt').read_text())",
            "pack/data/n.txt": "{n}",
        },
        "from pack.sub.mod import f",
        "pack/data/n.txt",
    ),
    "a file of data of a package that the program names": (
        {"pack/__init__.py": "", "pack/data/n.txt": "{n}"},
        "from importlib import resources\n"
        "def f(): return int(resources.files('pack').joinpath('data/n.txt').read_text())",
        "pack/data/n.txt",
    ),
    "a file of data that a function of the program reads": (
        {"pack/__init__.py": "", "pack/data/n.txt": "{n}"},
        "import importlib.resources as ir, pack\n"
        "def f(): return int(ir.files(pack).joinpath('data/n.txt').read_text())",
        "pack/data/n.txt",
    ),
    "a file of data beside a package's own file": (
        {"pack/__init__.py": "", "pack/n.txt": "{n}"},
        "import pathlib, pack\n"
        "def f(): return int(pathlib.Path(pack.__file__).with_name('n.txt').read_text())",
        "pack/n.txt",
    ),
    "a package of data": (
        {"pack/__init__.py": "", "pack/data/__init__.py": "", "pack/data/n.txt": "{n}"},
        "from pack import data\ndef f():\n    from importlib import resources\n"
        "    return int(resources.read_text(data, 'n.txt'))",
        "pack/data/n.txt",
    ),
    "another directory on the path": (
        {"lib/leaf.py": LEAF},
        "import sys; sys.path.insert(0, 'lib')\nimport leaf; f = leaf.answer",
        "lib/leaf.py",
    ),
    "a directory on the path, in the middle of a package's name": (
        {"src/pack/__init__.py": "from pack.leaf import answer as f", "src/pack/leaf.py": LEAF},
        "import sys; sys.path.insert(0, 'src')\nfrom pack import f",
        "src/pack/leaf.py",
    ),
    "a constant name in the program": (
        {"leaf.py": LEAF},
        "f = lambda: __import__('leaf').answer()",
        "leaf.py",
    ),
    "a job inside a job": (
        {
            "mod.py": "import picloud, leaf\n"
            "def f(): return picloud.result(picloud.call(leaf.answer))",
            "leaf.py": LEAF,
        },
        "from mod import f",
        "leaf.py",
    ),
}
