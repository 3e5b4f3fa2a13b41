"""A metric says which way is better and how its values are written."""

import pytest

from collegium.tasks.task import Metric

ACCURACY = Metric("accuracy", "higher", ".1%", {"area": ".3f"})
ERROR = Metric("error", "lower", ".2f")


def test_values_are_written_in_the_metric_s_form() -> None:
    assert ACCURACY.show(0.4567) == "45.7%" and ACCURACY.show(0.4567, "area") == "0.457"
    assert ERROR.show(0.4567) == ERROR.show(0.4567, "anything") == "0.46"


@pytest.mark.parametrize(("metric", "best", "gain"), [(ACCURACY, 0.9, 0.3), (ERROR, 0.2, -0.3)])
def test_the_direction_decides_what_is_best(metric: Metric, best: float, gain: float) -> None:
    assert metric.best([0.9, 0.2, 0.5]) == best
    assert metric.gain(0.5, 0.2) == pytest.approx(gain)


def test_changes_are_signed_and_percentages_are_points() -> None:
    assert ACCURACY.change(0.5, 0.25) == "+25.0 points"
    assert ERROR.change(0.5, 0.75) == "-0.25"
