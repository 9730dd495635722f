# SPDX-License-Identifier: Apache-2.0
"""Four kinds of defect, drawn into a surface before it is photographed.

Each function takes (rng, surface, other) and returns the changed surface and
the weight 0..1 with which every pixel was changed.
"""
import numpy as np

from fields import (Perlin, direction, fbm, grain, pixels, sample,
                    smoothstep)


def stroke(rng, size):
    """Distance of every pixel to a bent stroke, and the place along it."""
    y, x = pixels(size)
    c, s = direction(rng.random())
    cy, cx = (0.15 + 0.7 * rng.random(2)) * size
    half = 18.0 + 52.0 * rng.random()
    along = c * (x - cx) + s * (y - cy)
    t = along / half
    bend = (rng.random() * 2.0 - 1.0) * 16.0
    twist = (rng.random() * 2.0 - 1.0) * 7.0
    away = c * (y - cy) - s * (x - cx)
    away = away - bend * (t * t - 0.3) - twist * t * (t * t - 0.6)
    away = away + 1.5 * Perlin(rng)(along / 14.0, np.zeros_like(along))
    return np.abs(away), along, t


def scratch(rng, surface, other):
    """A thin bent stroke, dark or bright, of varying contrast."""
    marred = surface
    weight = np.zeros_like(surface)
    for _ in range(1 + int(rng.integers(2))):
        away, along, t = stroke(rng, surface.shape[0])
        width = 0.9 + 1.1 * rng.random()
        line = 1.0 - smoothstep(away, width * 0.5, width + 0.9)
        line = line * (1.0 - smoothstep(np.abs(t), 0.8, 1.0))
        fade = 0.75 + 0.4 * Perlin(rng)(along / 20.0, np.zeros_like(along))
        sign = 1.0 if rng.random() < 0.5 else -1.0
        depth = sign * (26.0 + 34.0 * rng.random())
        marred = marred + depth * fade * line
        weight = np.maximum(weight, line)
    return marred, weight


def spot(rng, surface, other):
    """A soft dark or bright stain with a mottled inside."""
    size = surface.shape[0]
    y, x = pixels(size)
    cy, cx = (0.12 + 0.76 * rng.random(2)) * size
    c, s = direction(rng.random())
    long = 11.0 + 17.0 * rng.random()
    short = long * (0.55 + 0.45 * rng.random())
    p = (c * (x - cx) + s * (y - cy)) / long
    q = (c * (y - cy) - s * (x - cx)) / short
    r = np.sqrt(p * p + q * q) + 0.16 * Perlin(rng)(y / 12.0, x / 12.0)
    weight = 1.0 - smoothstep(r, 0.55, 1.1)
    sign = 1.0 if rng.random() < 0.5 else -1.0
    depth = sign * (17.0 + 20.0 * rng.random())
    mottle = (4.0 + 4.0 * rng.random()) * grain(rng, surface.shape)
    flat = 0.25 + 0.3 * rng.random()
    stain = depth + mottle - flat * (surface - 120.0)
    return surface + weight * stain, weight


def blot(rng, size, radius):
    """A feathered region with a wavy outline."""
    y, x = pixels(size)
    cy, cx = (0.15 + 0.7 * rng.random(2)) * size
    r = np.sqrt((y - cy) * (y - cy) + (x - cx) * (x - cx)) / radius
    r = r + 0.35 * Perlin(rng)(y / 22.0, x / 22.0)
    feather = 2.0 + 3.0 * rng.random()
    return 1.0 - smoothstep(r, 1.0 - feather / radius, 1.0 + feather / radius)


def patch(rng, surface, other):
    """A piece of the same surface, moved, turned and perhaps mirrored."""
    size = surface.shape[0]
    weight = blot(rng, size, 16.0 + 20.0 * rng.random())
    y, x = pixels(size)
    half = 0.5 * float(rng.integers(2))
    c, s = direction(0.06 + 0.05 * rng.random() + half)
    flip = 1.0 if rng.random() < 0.5 else -1.0
    dy, dx = rng.random(2) * size
    moved = sample(surface, c * y - s * x + dy, (s * y + c * x) * flip + dx)
    return surface + weight * (moved - surface), weight


def blend(rng, surface, other):
    """Another texture shining through where a noise field is high."""
    size = surface.shape[0]
    y, x = pixels(size)
    cloud = fbm(rng, y / 44.0, x / 44.0, 3)
    window = blot(rng, size, 34.0 + 22.0 * rng.random())
    weight = smoothstep(cloud, 0.08, 0.26) * window
    share = 0.5 + 0.35 * rng.random()
    return surface + weight * share * (other - surface), weight


DRAW = {"scratch": scratch, "spot": spot, "patch": patch, "blend": blend}
