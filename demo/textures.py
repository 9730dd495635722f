# SPDX-License-Identifier: Apache-2.0
"""Six industrial-looking grey textures, drawn by arithmetic alone.

picture(cls, kind, seed) returns an 8-bit picture and the exact mask of its
defect.  The same arguments give the same bytes on every machine.
"""
import numpy as np

import defects
from fields import (Perlin, direction, fbm, grain, near, pixels, smooth,
                    smoothstep)

SIZE = 256
CLASSES = ("fabric", "metal", "wood", "leather", "grid", "brick")
KINDS = ("good", "scratch", "spot", "patch", "blend")
TABLE_SIDE = 64  # side of the table of jittered points
VISIBLE = 5.0  # grey levels: a pixel changed by less is not called a defect


def frame(rng, tilt, stretch, warp):
    """Pixel coordinates turned, scaled, shifted and gently warped."""
    y, x = pixels(SIZE)
    c, s = direction((rng.random() * 2.0 - 1.0) * tilt)
    scale = 1.0 + (rng.random() * 2.0 - 1.0) * stretch
    dy, dx = rng.random(2) * 400.0
    v = (c * y - s * x) * scale + dy
    u = (s * y + c * x) * scale + dx
    if warp > 0.0:
        v = v + warp * Perlin(rng)(y / 70.0, x / 70.0)
        u = u + warp * Perlin(rng)(y / 70.0, x / 70.0)
    return v, u


def per_cell(rng, *indices):
    """A random number 0..1 for every integer cell."""
    table = rng.random(4096)
    key = np.zeros(indices[0].shape, dtype=np.int64)
    for i in indices:
        key = (key * 61 + i.astype(np.int64)) & 4095
    return table[key]


def fabric(rng):
    """Plain weave: threads over and under, each a little different."""
    v, u = frame(rng, 0.02, 0.12, 2.5)
    pitch = 9.0
    a, b = v / pitch, u / pitch
    i, j = np.floor(a), np.floor(b)
    over = np.mod(i + j, 2.0) < 1.0
    ya, xb = np.abs(a - i - 0.5), np.abs(b - j - 0.5)
    along = np.where(over, xb, ya)
    across = np.where(over, ya, xb)
    height = 1.0 - 2.6 * across * across - 1.4 * along * along
    tone = np.where(over, per_cell(rng, i), per_cell(rng, j))
    fibre = np.where(over, Perlin(rng)(v / 1.7, u / 6.0),
                     Perlin(rng)(v / 6.0, u / 1.7))
    base = np.where(over, 118.0, 102.0)
    return base + 62.0 * (height - 0.6) + 16.0 * (tone - 0.5) + 9.0 * fibre


def metal(rng):
    """Brushed metal: long fine streaks."""
    v, u = frame(rng, 0.015, 0.1, 0.0)
    fine = Perlin(rng)(v / 1.5, u / 60.0) + Perlin(rng)(v / 2.3, u / 110.0)
    broad = Perlin(rng)(v / 6.0, u / 160.0) + Perlin(rng)(v / 17.0, u / 300.0)
    nick = smoothstep(Perlin(rng)(v / 1.8, u / 26.0), 0.5, 0.9)
    return 132.0 + 19.0 * fine + 15.0 * broad + 20.0 * nick


def wood(rng):
    """Wood-like grain: bent growth rings, fibres and dark pores."""
    v, u = frame(rng, 0.02, 0.15, 0.0)
    bend = 1.6 * Perlin(rng)(v / 110.0, u / 190.0)
    g = v / 17.0 + bend + 0.35 * Perlin(rng)(v / 22.0, u / 90.0)
    ring = g - np.floor(g)
    late = smoothstep(ring, 0.25, 0.9) * (1.0 - smoothstep(ring, 0.92, 1.0))
    tone = per_cell(rng, np.floor(g))
    fibre = Perlin(rng)(v / 1.9, u / 34.0)
    pore = smoothstep(Perlin(rng)(v / 2.2, u / 15.0), 0.42, 0.75)
    return (150.0 - 42.0 * late * (0.6 + 0.5 * tone) + 10.0 * fibre
            - 34.0 * pore)


def cells(rng, v, u):
    """Distances to the nearest and second-nearest point of a jittered grid."""
    jitter = rng.random((2, TABLE_SIDE, TABLE_SIDE)) * 0.9 + 0.05
    iv, iu = np.floor(v), np.floor(u)
    first = np.full(v.shape, 9.0)
    second = np.full(v.shape, 9.0)
    for p in (-1.0, 0.0, 1.0):
        for q in (-1.0, 0.0, 1.0):
            y, x = iv + p, iu + q
            ky = y.astype(np.int64) & (TABLE_SIDE - 1)
            kx = x.astype(np.int64) & (TABLE_SIDE - 1)
            dy = y + jitter[0][ky, kx] - v
            dx = x + jitter[1][ky, kx] - u
            d = dy * dy + dx * dx
            second = np.minimum(second, np.maximum(first, d))
            first = np.minimum(first, d)
    return np.sqrt(first), np.sqrt(second)


def leather(rng):
    """Cast or leather skin: pebbles lit from the upper left."""
    v, u = frame(rng, 0.02, 0.15, 6.0)
    first, second = cells(rng, v / 9.0, u / 14.0)
    pebble = smoothstep(second - first, 0.0, 0.55)
    height = 3.4 * pebble + 0.8 * fbm(rng, v / 24.0, u / 24.0, 4)
    p = np.pad(height, 1, mode="reflect")
    slope = (p[2:, 1:-1] - p[:-2, 1:-1]) + 0.6 * (p[1:-1, 2:] - p[1:-1, :-2])
    return 112.0 + 17.0 * slope + 17.0 * pebble


def grid(rng):
    """Perforated sheet: staggered holes with a lit rim."""
    v, u = frame(rng, 0.02, 0.12, 1.0)
    pitch = 19.0
    a = v / (pitch * 0.866)
    i = np.floor(a)
    b = u / pitch + 0.5 * np.mod(i, 2.0)
    j = np.floor(b)
    y, x = (a - i - 0.5) * 0.866, b - j - 0.5
    r = np.sqrt(y * y + x * x)
    radius = 0.29 + 0.02 * (per_cell(rng, i, j) - 0.5)
    hole = 1.0 - smoothstep(r, radius - 0.05, radius + 0.04)
    rim = smoothstep(r, radius - 0.03, radius + 0.03) * (
        1.0 - smoothstep(r, radius + 0.04, radius + 0.15))
    light = np.clip((y + 0.6 * x) / (r + 0.05), -1.0, 1.0)
    sheet = 148.0 + 8.0 * fbm(rng, v / 40.0, u / 8.0, 3)
    inside = 48.0 + 10.0 * per_cell(rng, i, j) + 26.0 * np.clip(light * r, 0, 1)
    return sheet * (1.0 - hole) + inside * hole + 34.0 * rim * light


def brick(rng):
    """Small bricks in running bond with rough mortar."""
    v, u = frame(rng, 0.015, 0.12, 1.5)
    high, wide = 17.0, 38.0
    a = v / high
    i = np.floor(a)
    b = u / wide + 0.5 * np.mod(i, 2.0)
    j = np.floor(b)
    y = (0.5 - np.abs(a - i - 0.5)) * high
    x = (0.5 - np.abs(b - j - 0.5)) * wide
    rough = 0.8 * Perlin(rng)(v / 4.0, u / 4.0)
    edge = np.minimum(y, x) + rough
    body = smoothstep(edge, 1.2, 2.8)
    tone = per_cell(rng, i, j)
    face = 104.0 + 30.0 * (tone - 0.5) + 15.0 * fbm(rng, v / 7.0, u / 9.0, 3)
    bevel = 10.0 * smoothstep(-(a - i - 0.5), 0.2, 0.45)
    mortar = 172.0 + 12.0 * Perlin(rng)(v / 2.5, u / 2.5)
    return mortar + body * (face + bevel - mortar)


DRAW = (fabric, metal, wood, leather, grid, brick)


class Scene:
    """What varies harmlessly: light, contrast, focus and sensor noise."""

    def __init__(self, rng):
        y, x = pixels(SIZE)
        c, s = direction(rng.random())
        ramp = (c * y + s * x) / SIZE - 0.5 * (c + s)
        self.contrast = 0.8 + 0.35 * rng.random()
        self.light = 1.0 + (0.05 + 0.25 * rng.random()) * ramp
        self.level = (rng.random() * 2.0 - 1.0) * 16.0
        blobs = Perlin(rng)(y / 95.0, x / 95.0)
        finer = Perlin(rng)(y / 55.0, x / 55.0)
        self.cloud = (4.0 + 14.0 * rng.random()) * blobs + (
            8.0 * rng.random()) * finer
        self.focus = rng.random() * 0.6
        self.noise = (1.0 + 2.5 * rng.random()) * grain(rng, (SIZE, SIZE))

    def shoot(self, surface):
        """Grey levels of a surface, not yet rounded."""
        soft = smooth(surface, 1)
        surface = surface + self.focus * (soft - surface)
        grey = (surface - 120.0) * self.contrast + 120.0 + self.level
        return np.clip(grey * self.light + self.cloud + self.noise, 0.0, 255.0)


def picture(cls, kind, seed):
    """Draw class cls (0..5) with one kind of defect; (picture, mask)."""
    rng = np.random.default_rng([20, cls, KINDS.index(kind), *seed])
    surface = DRAW[cls](rng)
    scene = Scene(rng)
    plain = scene.shoot(surface)
    if kind == "good":
        return np.rint(plain).astype(np.uint8), np.zeros((SIZE, SIZE), bool)
    while True:
        other = DRAW[(cls + 1 + int(rng.integers(5))) % 6](rng)
        marred, weight = defects.DRAW[kind](rng, surface, other)
        shot = scene.shoot(marred)
        changed = np.abs(shot - plain) >= VISIBLE
        mask = near(changed, 2) & (weight > 0.1)
        if np.count_nonzero(mask) >= 60:
            return np.rint(shot).astype(np.uint8), mask
