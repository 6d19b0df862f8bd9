"""The use of time, random numbers, environment and log by a filter's top level is found wherever its code is. Nothing else is reported."""

import pytest

from tests.compiler.compiler_kit import source_filter
from wasmnb.compiler.release.release_filter import lean_runtime, load_filter

pytestmark = pytest.mark.slow

STREAM = "class F(HttpContext):\n    def on_http_request_headers(self, num_headers, end_of_stream): pass\n"

TIME, RANDOM, ENVIRONMENT, LOG = "the time", "random numbers", "the environment", "the log"

#: Top-level code -> detected inputs.
USES = {
    "import time\nVALUE = time.monotonic()": (TIME,),
    "import time\nVALUE = time.perf_counter_ns()": (TIME,),
    "import time\nVALUE = time.strftime('%Y')": (TIME,),
    "import time\ntime.sleep(0.01)": (TIME,),
    "import time\nend = time.monotonic() + 0.5\nwhile time.monotonic() < end: pass": (TIME,),
    "import datetime\nVALUE = datetime.datetime.now(datetime.timezone.utc)": (TIME,),
    "from datetime import date\nclass Config:\n    day = date.today()": (TIME,),
    "import time\ndef age(start=time.time()): return start": (TIME,),
    "import time\ndef stamped(f):\n    f.start = time.time()\n    return f\n@stamped\ndef f(): pass": (TIME,),
    "import uuid\nVALUE = uuid.uuid4()": (RANDOM,),
    "import random\nVALUE = random.random()": (RANDOM,),
    "import random\nrandom.seed(5)": (RANDOM,),
    "import random\nVALUE = random.SystemRandom().random()": (RANDOM,),
    "import secrets\nVALUE = secrets.token_hex()": (RANDOM,),
    "import os\nVALUE = os.urandom(8)": (RANDOM,),
    "import random\nclass Meta(type):\n    def __new__(cls, *a):\n        cls.salt = random.getrandbits(9)\n        return super().__new__(cls, *a)\nclass A(metaclass=Meta): pass": (RANDOM,),
    "import dataclasses, uuid\n@dataclasses.dataclass\nclass A:\n    key: str = str(uuid.uuid4())": (RANDOM,),
    "import os\nVALUE = os.environ['HOME']": (ENVIRONMENT,),
    "import os\nVALUE = os.getenvb(b'HOME')": (ENVIRONMENT,),
    "import os\nVALUE = 'X' in os.environ": (ENVIRONMENT,),
    "from os import environ\nVALUE = {**environ}": (ENVIRONMENT,),
    "import os\nVALUE = repr(os.environ)": (ENVIRONMENT,),
    "import os\nVALUE = os.environ | {}": (ENVIRONMENT,),
    "import os\nVALUE = dict(os.environ._data)": (ENVIRONMENT,),
    "import os\nVALUE = os.path.expandvars('$X')": (ENVIRONMENT,),
    "import os\nos.environ.setdefault('A', '1')": (ENVIRONMENT,),
    "import sys\nsys.stderr.write('loaded\\n')": (LOG,),
    "import logging\nlogging.getLogger().warning('loaded')": (TIME, LOG),
    "import time, os\nVALUE = time.time(), os.urandom(1)": (TIME, RANDOM),
    # The same in every VM: the secret of hashes is the runtime's, and the rest is computed.
    "VALUE = hash('x'), list({'a', 'b', 'c'}), id(object())": (),
    "import random\nVALUE = random.Random(5).random()": (),
    "import os\nENVIRONMENT = os.environ": (),
    "import hashlib\nVALUE = hashlib.sha256(b'x').hexdigest()": (),
    "import datetime\nVALUE = datetime.datetime(2020, 1, 1) + datetime.timedelta(days=3)": (),
}


def uses(source, **place):
    """Return the names of the things that a source uses while it is loaded for a release module."""
    full = source_filter(source + "\n" + STREAM, **place)
    lean, code = lean_runtime(full)
    return load_filter(full.portable(strip=True), lean.runtime, code).uses


@pytest.mark.parametrize("source", USES)
def test_use_of_the_top_level_is_found(source):
    assert uses(source) == USES[source]


def test_use_of_an_imported_local_module_is_found(tmp_path):
    (tmp_path / "clockwork.py").write_text("import time\n\nSTART = time.time()\n")
    assert uses("import clockwork", path=[tmp_path]) == (TIME,)


def test_use_of_an_imported_module_of_pythons_library_is_found():
    assert uses("import email.utils\nVALUE = email.utils.formatdate()") == (TIME,)
