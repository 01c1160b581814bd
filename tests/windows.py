"""What the tests of figures and windows share: dashboards without a screen, sizes, overlaps."""

from dataclasses import replace
from itertools import combinations

from evaluations import RUN
from matplotlib.backend_bases import MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from visu.panels.dashboard import Dashboard, Offscreen
from visu.panels.keys_and_views import SIX
from visu.panels.style import DPI

SIZES = [(1280, 720), (1344, 756), (1920, 1080), (2560, 1440)]
BY_HAND = [(1000, 800), (800, 1000), (1600, 600)]


def make_dashboard(size=SIZES[1], view=SIX, keys=False, **changes):
    """A Dashboard of this size in pixels, which shows these panels. changes: to RUN."""
    figure = Figure((size[0] / DPI, size[1] / DPI), dpi=DPI)
    FigureCanvasAgg(figure)
    dashboard = Dashboard(figure, replace(RUN, **changes), keys=keys)
    dashboard.show_only(tuple(view))
    return dashboard


def show(history, panel):
    """This panel, a class of one, alone, after an update."""
    dashboard = make_dashboard(view=[panel], **vars(history.run))
    dashboard.update(history)
    return dashboard.panels[1]


def offscreen(run, view, size=SIZES[0]):
    """An Offscreen of this size in pixels, which shows these panels of a Run."""
    screen = Offscreen(run, *size)
    screen.dashboard.show_only(tuple(view))
    return screen


def mouse(dashboard, panel, action, place, button=1):
    """What the dashboard answers to the mouse at these data coordinates of a panel."""
    names = {"press": "button_press", "drag": "motion_notify", "release": "button_release"}
    x, y = panel.axes.transData.transform(place)
    event = MouseEvent(f"{names[action]}_event", dashboard.figure.canvas, x, y, button)
    return dashboard.mouse(action, event)


def overlap(a, b):
    """Whether two Bboxes share more than an edge."""
    wide = min(a.x1, b.x1) - max(a.x0, b.x0)
    tall = min(a.y1, b.y1) - max(a.y0, b.y0)
    return wide > 1 and tall > 1


def assert_legible(dashboard, texts):
    """No text leaves the figure, nor lies on another one or on the axes of another panel."""
    width, height = dashboard.figure.bbox.size
    boxes = {text: text.get_window_extent() for text in texts}
    for text, box in boxes.items():
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, text
        for panel in dashboard.panels[1:]:
            assert text.axes is panel.axes or not overlap(box, panel.axes.bbox), text
    for (text, box), (other, its_box) in combinations(boxes.items(), 2):
        assert not overlap(box, its_box), (text, other)
