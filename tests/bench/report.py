# SPDX-License-Identifier: Apache-2.0
"""What bench.py has measured, in words: a paragraph as soon as a case is done, and one table in Markdown at the end."""
import statistics
import sys


def ratio(a, b):
    return statistics.median(x / y for x, y in zip(a, b))


def add_ratios(out):
    floor, first = out.get("floor"), next((n for n in out if n != "floor"), None)
    for o in out.values():
        o["median_ms"] = statistics.median(o["times"]) * 1e3
        o["to_floor"] = ratio(o["times"], floor["times"]) if floor else None
        o["processor_to_floor"] = ratio(o["processor"], floor["processor"]) if floor and all(floor["processor"]) else None
        o["first_to_it"] = ratio(out[first]["times"], o["times"]) if first else None
    return floor, first


def show(case):
    """Adds medians and ratios to the figures of the case, and prints them."""
    out = case["of"]
    print(f"{case['title']}   [{len(next(iter(out.values()))['times']) if out else 0} rounds]")
    floor, first = add_ratios(out)
    for name, o in out.items():
        words = f"  {name:8} {o['median_ms']:9.2f} ms   least {min(o['times']) * 1e3:8.2f}"
        words += f"   processor {statistics.median(o['processor']) * 1e3:8.2f}"
        words += f"   {o['to_floor']:6.2f} x floor" if floor else ""
        words += f"   {first} is {o['first_to_it']:5.2f} of it" if first and name not in (first, "floor") else " " * 22
        words += f"   peak {o['peak']:6} KiB   {o['faults']:6} faults"
        words += f"   {o['calls']:6} calls" if o["calls"] is not None else ""
        if floor and floor["calls"] and o["calls"]:
            words += f" ({o['calls'] / floor['calls']:.2f})"
        print(words)
    sys.stdout.flush()


def cell(value, form):
    return format(value, form) if value is not None else ""


def markdown(result):
    """Medians in ms and what the first program after the floor needs of each other one; its calls, faults and peak."""
    names = list(dict.fromkeys(n for case in result.values() for n in case["of"]))
    first = next((n for n in names if n != "floor"), "")
    others = [n for n in names if n not in ("floor", first)]
    head = ["case", *(f"{n} ms" for n in names), f"{first} / floor", "by processor time", *(f"{first} / {n}" for n in others),
            "calls / floor", "faults / floor", "peak KiB"]
    rows = [head, ["---", *["---:"] * (len(head) - 1)]]
    for case in result.values():
        of = case["of"]
        one, floor = of.get(first, {}), of.get("floor", {})
        rows.append([case["title"], *(cell(of.get(n, {}).get("median_ms"), ".2f") for n in names),
                     cell(one.get("to_floor"), ".2f"), cell(one.get("processor_to_floor"), ".2f"),
                     *(cell(of.get(n, {}).get("first_to_it"), ".2f") for n in others),
                     *(f"{one[k]} / {floor[k]}" if one.get(k) and floor.get(k) else "" for k in ("calls", "faults")),
                     cell(one.get("peak"), "d")])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
