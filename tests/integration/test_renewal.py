"""numpy's generators after a restore: those that the system seeded get new seeds, those of the program do not."""

from __future__ import annotations

import json

from tests.integration.chain import Chain, printed

# A restore is played: all states are put back to those of the image, as the memory would be.
SCRIPT = """
import gc, json
from pywasm_host import renewal
renewal.watch()
import numpy as np
from numpy.random import MT19937, PCG64, SFC64, Generator, Philox, RandomState, SeedSequence
np.random.randn()
renewal.find()
gc.freeze()  # the base image ends here
generators = {
    "default": np.random.default_rng(), "default seeded": np.random.default_rng(42),
    "MT19937": Generator(MT19937()), "MT19937 seeded": Generator(MT19937(1)),
    "Philox": Generator(Philox()), "Philox seeded": Generator(Philox(1)),
    "SFC64": Generator(SFC64()), "SFC64 seeded": Generator(SFC64(1)),
}
old = {"global": np.random.mtrand._rand, "RandomState": RandomState(), "RandomState seeded": RandomState(7)}
sequences = {"sequence": SeedSequence(), "sequence seeded": SeedSequence(5)}
sequences["child"], sequences["child seeded"] = (sequences[name].spawn(1)[0] for name in list(sequences))
for one in old.values():
    one.standard_normal()
renewal.find()
image = {name: one.bit_generator.state for name, one in generators.items()}
image_of_old = {name: one.get_state() for name, one in old.items()}
seeds = {name: one.__reduce__()[2] for name, one in sequences.items()}

def restored():
    for name, one in generators.items():
        one.bit_generator.state = image[name]
    for name, one in old.items():
        one.set_state(image_of_old[name])
    for name, one in sequences.items():
        one.__setstate__(seeds[name])
    renewal.renew()
    found = {name: one.random(3).tolist() for name, one in generators.items()}
    found |= {f"{name} gauss": one.standard_normal(3).tolist() for name, one in old.items()}
    found |= {name: one.generate_state(2).tolist() for name, one in sequences.items()}
    return found | {f"{name} spawned": one.spawn(1)[0].generate_state(1).tolist() for name, one in sequences.items()}

first, second = restored(), restored()
print(json.dumps({name: first[name] == second[name] for name in first}))
"""


def test_generators_of_numpy(chain: Chain) -> None:
    same = json.loads(printed(chain.python("-c", SCRIPT)))
    assert {name for name, value in same.items() if value} == {name for name in same if "seeded" in name}
