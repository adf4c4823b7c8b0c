# SPDX-License-Identifier: Apache-2.0
"""Cost against size as an SVG: one panel per series, both axes logarithmic, one line per program."""
import math

COLOURS = {"floor": "#888", "husk": "#c33", "crun": "#36c", "runc": "#393"}
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 372, 260, 72, 40, 30


def series_of(result):
    """{series: {program: [(size, ms)]}}"""
    out = {}
    for case in result.values():
        if case["size"]:
            name, x = case["size"]
            for program, o in case["of"].items():
                out.setdefault(name, {}).setdefault(program, []).append((x, o["median_ms"]))
    base = result.get("run")
    for name in ("run on a host with mounts", "run among containers"):
        for program, points in out.get(name, {}).items():
            if base and program in base["of"]:
                points.insert(0, (0, base["of"][program]["median_ms"]))
    return out


def scale(values, low, high):
    a, b = math.log10(min(values)), math.log10(max(values))
    span = (b - a) or 1
    return lambda v: low + (math.log10(v) - a) / span * (high - low)


def text(x, y, words, anchor="middle", colour="#000"):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


def apart(places, least=12):
    """The same places, in their order, none nearer to the one before than LEAST."""
    out = []
    for place in places:
        out.append(max(place, out[-1] + least) if out else place)
    return out


def panel(name, lines, x0, y0):
    # None at all stands a decade before the least that there is.
    none = min(x for line in lines.values() for x, _ in line if x) / 10
    lines = {program: sorted((x or none, y) for x, y in line) for program, line in lines.items()}
    points = [p for line in lines.values() for p in line]
    xs, ys = sorted({p[0] for p in points}), [p[1] for p in points]
    fx = scale(xs, x0 + LEFT, x0 + WIDTH - 50)
    fy = scale([min(ys) / 1.2, max(ys) * 1.2], y0 + HEIGHT - BOTTOM, y0 + TOP)
    out = [f'<rect x="{x0 + LEFT - 10}" y="{y0 + TOP - 5}" width="{WIDTH - LEFT - 30}" '
           f'height="{HEIGHT - TOP - BOTTOM + 10}" fill="none" stroke="#ccc"/>', text(x0 + WIDTH / 2, y0 + 15, name)]
    out += [text(fx(x), y0 + HEIGHT - BOTTOM + 20, "none" if x == none else f"{x:g}") for x in xs]
    decade = 10 ** math.floor(math.log10(min(ys)))
    while decade < max(ys) * 1.2:
        for tick in (decade, decade * 3):
            if min(ys) / 1.2 <= tick <= max(ys) * 1.2:
                out.append(text(x0 + LEFT - 14, fy(tick) + 4, f"{tick:g} ms", "end"))
        decade *= 10
    names = sorted(lines, key=lambda program: fy(lines[program][-1][1]))
    labels = dict(zip(names, apart([fy(lines[program][-1][1]) for program in names])))
    for program, line in lines.items():
        colour = COLOURS.get(program, "#000")
        path = " ".join(f"{fx(x):.1f},{fy(y):.1f}" for x, y in line)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{fx(x):.1f}" cy="{fy(y):.1f}" r="3" fill="{colour}"/>' for x, y in line]
        out.append(text(fx(line[-1][0]) + 6, labels[program] + 4, program, "start", colour))
    return out


def draw(result):
    series = series_of(result)
    rows = (len(series) + 1) // 2
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * WIDTH + 20}" height="{rows * HEIGHT + 10}" '
           'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="#fff"/>']
    for i, (name, lines) in enumerate(series.items()):
        out += panel(name, lines, i % 2 * WIDTH, i // 2 * HEIGHT)
    return "\n".join([*out, "</svg>", ""])
