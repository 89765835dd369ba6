"""Selecting sums: series of a target added up in the store where the question sums them anyway, so that far fewer numbers reach the evaluator.

A frame of sums is a frame like any other: `sum by (node) (rate(x[1m]))` over it and over what could not be summed is the same as over all the series.
That is so since `rate` and `increase` are linear in counters that are there at all times, never fall, and never were near zero; and since
`sum` of newest values is, of series that are there at all times. The store sums only such series, group by group of the labels that the question keeps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from rayscope.model.metrics import NAME, Labels
from rayscope.query.metrics.frames import Frame
from rayscope.store.metrics.head import Matrix
from rayscope.store.metrics.live import LiveMetrics, View
from rayscope.store.metrics.series import SeriesIndex


class Grouping:
    """The groups of a session's series by the labels that a question keeps."""

    def __init__(self, index: SeriesIndex, names: Sequence[str], *, without: bool) -> None:
        """``names``: the labels that are kept, or (``without``) that are not; the metric's name is not kept unless it is named."""
        known = index.label_names()
        self.names = sorted(set(known) - {*names, NAME}) if without else sorted({name for name in names if name in known})
        found = [index.value_of(name) for name in self.names]
        self._values = [values for _, values in found]
        self._places = np.stack([places for places, _ in found]) if found else np.empty((0, len(index)), np.int32)

    def of(self, view: View) -> tuple[NDArray[np.intp], list[Labels]]:
        """The group of each of a view's series, and the labels of the groups."""
        places = self._places[:, view.wanted]
        if (places == places[:, :1]).all():
            return np.zeros(len(view.wanted), np.intp), [self._labels(places[:, 0])]
        distinct, groups = np.unique(places, axis=1, return_inverse=True)
        return groups.reshape(-1), [self._labels(column) for column in distinct.T]

    def _labels(self, column: NDArray[np.int32]) -> Labels:
        return {name: values[place] for name, values, place in zip(self.names, self._values, column.tolist(), strict=True) if place >= 0}


def read_sums(store: LiveMetrics, view: View, grouping: Grouping, *, counters: bool) -> tuple[Frame | None, View]:
    """The frame of a view's sums, and the view of what is not in them."""
    groups, labels = grouping.of(view)
    if 2 * len(labels) > len(view.wanted):  # little is gained
        return None, view
    found = store.sums(view, groups, len(labels), counters=counters)
    if found is None:
        return None, view
    used = np.unique(groups[~np.isin(view.wanted, found.odd)])
    inside = (found.times >= view.span[0]) & (found.times <= view.span[1])
    frame = Frame([labels[number] for number in used.tolist()], found.times[inside], found.values[used][:, inside])
    return frame if len(frame.times) else None, structs.replace(view, wanted=found.odd)


def frame_of(index: SeriesIndex, matrix: Matrix) -> Frame:
    """The frame of a target's samples."""
    return Frame([index.labels(number) for number in matrix.series.tolist()], matrix.times, matrix.values)
