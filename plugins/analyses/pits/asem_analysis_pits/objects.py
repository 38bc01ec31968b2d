"""Where the objects of a segmentation lie."""

from __future__ import annotations

from scipy import ndimage

from asem_core.analysis import Numbered, View
from asem_core.blocks import map_blocks
from asem_core.geometry import Box


def find_boxes(view: View, instances: Numbered) -> list[Box]:
    """The smallest box around each object, in their order; block by block."""

    def look(block: Box) -> list[tuple[int, Box]]:
        parts = ndimage.find_objects(instances.read(block))
        return [
            (number, Box([s.start for s in part], [s.stop for s in part]).shift(block.start))
            for number, part in enumerate(parts, start=1)
            if part is not None
        ]

    boxes: dict[int, Box] = {}
    for parts in map_blocks(look, view.blocks, sweep="boxes of objects", progress=view.progress):
        for number, box in parts:
            boxes[number] = _around(boxes.get(number, box), box)
    return [boxes[number] for number in range(1, len(instances) + 1)]


def _around(a: Box, b: Box) -> Box:
    return Box([min(p, q) for p, q in zip(a.start, b.start, strict=True)],
               [max(p, q) for p, q in zip(a.stop, b.stop, strict=True)])  # fmt: skip
