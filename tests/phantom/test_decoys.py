from __future__ import annotations

import numpy as np

from hilum.phantom.canvas import Canvas
from hilum.phantom.decoys import COUNTS, DECOY_HU, paint_decoys
from hilum.phantom.draws import Draws
from hilum.phantom.sites import Station


def test_decoys_are_painted_into_fat_and_nowhere_else() -> None:
    canvas = Canvas((40, 40, 40), (2.0, 2.0, 2.0), (-40.0, -40.0, 0.0))
    canvas.hu[:] = -100.0
    canvas.hu[:20] = 60.0
    before = canvas.hu.copy()
    middles = paint_decoys(canvas, [Station("here", (0.0, 0.0, 40.0), 12.0)], Draws(2))
    changed = canvas.hu != before
    assert COUNTS[0] <= len(middles) <= COUNTS[1]
    assert np.count_nonzero(changed) > 100
    assert np.all(before[changed] == -100.0)
    assert canvas.hu[changed].max() <= DECOY_HU[1]
