# SPDX-License-Identifier: Apache-2.0
"""Noise, waves and sampling for the texture generator.

Everything here is made of additions, multiplications, square roots, floors
and comparisons in float64, element by element.  Those are exact to the last
bit on every IEEE machine; sine, exponential, matrix products and sums over
axes are not, so none is used.
"""
import numpy as np

TABLE = 64  # side of the lattice of gradients; noise repeats after TABLE cells


def wave(t):
    """A sine-like wave of period one (parabolas, within 0.001 of a sine)."""
    x = t - np.floor(t + 0.5)
    p = x * (8.0 - 16.0 * np.abs(x))
    return p * (0.775 + 0.225 * np.abs(p))


def direction(turns):
    """Unit vector (cos, sin) of an angle given in turns."""
    c, s = float(wave(turns + 0.25)), float(wave(turns))
    length = float(np.sqrt(c * c + s * s))
    return c / length, s / length


def smoothstep(x, low, high):
    """0 below low, 1 above high, a smooth cubic between."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def grain(rng, shape):
    """Bell-shaped white noise, standard deviation one (four uniforms)."""
    u = rng.random((4,) + tuple(shape))
    return ((u[0] + u[1]) + (u[2] + u[3]) - 2.0) * float(np.sqrt(3.0))


def pixels(size):
    """Row and column of every pixel."""
    row = np.arange(size, dtype=np.float64)
    return np.repeat(row[:, None], size, 1), np.repeat(row[None, :], size, 0)


class Perlin:
    """Gradient noise over a random lattice, about -1..1."""

    def __init__(self, rng):
        self.gy = (rng.random(TABLE * TABLE) * 2.0 - 1.0) * 1.7
        self.gx = (rng.random(TABLE * TABLE) * 2.0 - 1.0) * 1.7
        self.offset = rng.random(2) * TABLE

    def __call__(self, y, x):
        y = y + self.offset[0]
        x = x + self.offset[1]
        fy, fx = np.floor(y), np.floor(x)
        dy, dx = y - fy, x - fx
        iy = fy.astype(np.int64) & (TABLE - 1)
        ix = fx.astype(np.int64) & (TABLE - 1)
        jy = ((iy + 1) & (TABLE - 1)) * TABLE
        jx = (ix + 1) & (TABLE - 1)
        iy = iy * TABLE
        a = self._corner(iy + ix, dy, dx)
        b = self._corner(iy + jx, dy, dx - 1.0)
        c = self._corner(jy + ix, dy - 1.0, dx)
        d = self._corner(jy + jx, dy - 1.0, dx - 1.0)
        wy = dy * dy * (3.0 - 2.0 * dy)
        wx = dx * dx * (3.0 - 2.0 * dx)
        top = a + wx * (b - a)
        return top + wy * ((c + wx * (d - c)) - top)

    def _corner(self, index, dy, dx):
        return self.gy[index] * dy + self.gx[index] * dx


def fbm(rng, y, x, octaves):
    """Octaves of gradient noise, each twice as fine and half as strong."""
    total, gain, rate = 0.0, 1.0, 1.0
    for _ in range(octaves):
        total = total + gain * Perlin(rng)(y * rate, x * rate)
        gain, rate = gain * 0.5, rate * 2.0
    return total


def smooth(field, passes):
    """Binomial blur (1 2 1)/4 along both axes, so many passes."""
    for _ in range(passes):
        p = np.pad(field, 1, mode="reflect")
        p = 0.25 * (p[:-2] + p[2:]) + 0.5 * p[1:-1]
        field = 0.25 * (p[:, :-2] + p[:, 2:]) + 0.5 * p[:, 1:-1]
    return field


def sample(field, y, x):
    """Bilinear look-up at fractional positions, mirrored at the edges."""
    n = field.shape[0] - 1
    y = n - np.abs(n - np.mod(y, 2.0 * n))
    x = n - np.abs(n - np.mod(x, 2.0 * n))
    iy = np.minimum(y.astype(np.int64), n - 1)
    ix = np.minimum(x.astype(np.int64), n - 1)
    dy, dx = y - iy, x - ix
    top = field[iy, ix] * (1.0 - dx) + field[iy, ix + 1] * dx
    low = field[iy + 1, ix] * (1.0 - dx) + field[iy + 1, ix + 1] * dx
    return top * (1.0 - dy) + low * dy


def near(mask, reach):
    """True where any pixel within reach rows and columns is True."""
    size = mask.shape[0]
    p = np.pad(mask, reach)
    rows = np.zeros((size, size + 2 * reach), dtype=bool)
    for k in range(2 * reach + 1):
        rows |= p[k:k + size]
    out = np.zeros_like(mask)
    for k in range(2 * reach + 1):
        out |= rows[:, k:k + size]
    return out
