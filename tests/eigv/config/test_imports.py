"""Reading a configuration is quick, and does nothing else."""

import subprocess
import sys

from tests.places import ROOT

OPENED = """
import sys
opened = []
ours = tuple(f"{sys.argv[1]}/{folder}/" for folder in ("base", "config", "eigv", "extract", "workflow"))
def watch(event, arguments):
    if event == "open" and str(arguments[0]).startswith(ours):
        opened.append(str(arguments[0]))
sys.addaudithook(watch)
import eigv.config.experiment
print([path for path in opened if not path.endswith((".py", ".pyc")) and "__pycache__" not in path])
print(sorted({"torch", "pandas", "numpy", "h5py"} & set(sys.modules)))
print(sorted(name for name in sys.modules if name.startswith("extract.") and not name.startswith("extract.config")))
"""


def test_importing_the_configuration_opens_no_file_and_imports_no_reader_and_no_torch():
    command = [sys.executable, "-c", OPENED, str(ROOT)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "[]", "[]"]
