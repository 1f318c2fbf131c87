"""What does a bar cost the loop it is around?

A loop that does nothing, in a real kernel under a real Jupyter server: bare, in ``sio.progress``,
and in tqdm as it comes (which draws into the cell's output, as ours does), the best of five each.

python benchmarks/progress.py [--items 10000000]
"""

from __future__ import annotations

import argparse
import json

from parts import servers

IN_KERNEL = """
import json, time
import jupyter_sio as sio
from tqdm import tqdm

items = {items}

def cost(wrap):
    begin = time.perf_counter()
    for item in wrap(range(items)):
        pass
    return (time.perf_counter() - begin) / items * 1e9

def by_hand(wrap):
    with wrap(total=items) as bar:
        begin = time.perf_counter()
        for item in range(items):
            bar.update()
        return (time.perf_counter() - begin) / items * 1e9

best = lambda measure, wrap: min(measure(wrap) for _ in range(5))
found = dict(
    bare=best(cost, lambda them: them),
    tqdm=best(cost, tqdm), ours=best(cost, sio.progress),
    tqdm_by_hand=best(by_hand, tqdm), ours_by_hand=best(by_hand, sio.progress),
)
print("found", json.dumps(found))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--items", type=int, default=10_000_000)
    items = parser.parse_args().items
    with servers.jupyter() as server:
        printed = server.run(IN_KERNEL.format(items=items))
    found = json.loads(printed.rpartition("found ")[2])
    print(f"ns per item, {items:,} items in a loop that does nothing")
    print(f"{'no bar':32}{found['bare']:10.0f}")
    for way, suffix in (("for … in", ""), ("update()", "_by_hand")):
        ours, tqdm = found[f"ours{suffix}"], found[f"tqdm{suffix}"]
        print(f"{'tqdm, ' + way:32}{tqdm:10.0f}")
        print(
            f"{'jupyter_sio, ' + way:32}{ours:10.0f}  ({ours - tqdm:+.0f} ns, x{ours / tqdm:.2f})"
        )


if __name__ == "__main__":
    main()
