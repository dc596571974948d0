"""What a training imports: what it uses, for the rest takes seconds that a small run does not have."""

import json
import subprocess
import sys

import pytest
import torch

from base.jobs.adam import Adam, AdamW
from tests.eigv import numbered
from tests.eigv.runs import scripted
from tests.places import ROOT

HEAVY = {"matplotlib", "sklearn", "scipy", "transformers", "torch._dynamo", "torch._inductor", "sympy", "triton"}
LOADED = """
import json, sys
from eigv import cli
print(json.dumps(sorted({"torch", "pandas", "numpy", "pydantic", "yaml"} & set(sys.modules))))
sys.argv[1:] = json.loads(sys.argv[1])
try:
    cli.main()
except SystemExit as ended:
    assert not ended.code
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize("optimiser", ["adam", "adamw"])
def test_a_training_imports_no_compiler_and_nothing_of_other_stages(tmp_path, optimiser):
    data = numbered.write(tmp_path)
    options = {
        **data,
        "settings": scripted.settings(epochs=1, optimiser=optimiser).model_dump_json(),
        "out": tmp_path,
        "device": "cpu",
    }
    options |= {"state": tmp_path / "state", "threads": 1}
    words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    command = [sys.executable, "-c", LOADED, json.dumps(["train", *words])]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert json.loads(said[0]) == [], "what shows help imports neither torch nor the readers of tables"
    modules = json.loads(said[-1])
    assert HEAVY & set(modules) == set()
    assert "torch" in modules and (tmp_path / "model.json").is_file()


@pytest.mark.parametrize("kinds", [(torch.optim.Adam, Adam), (torch.optim.AdamW, AdamW)], ids=["adam", "adamw"])
def test_adam_without_the_compiler_takes_the_steps_of_pytorchs(kinds):
    models = []
    for kind in kinds:
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3))
        optimizer = kind(model.parameters(), 0.01, weight_decay=0.1)
        for _ in range(4):
            optimizer.zero_grad(set_to_none=True)
            model(torch.randn(7, 5)).square().sum().backward()
            optimizer.step()
        optimizer.load_state_dict(optimizer.state_dict())
        assert not any(p.grad_fn for p in model.parameters())
        models.append(model.state_dict())
    assert all(torch.equal(models[0][name], models[1][name]) for name in models[0])
