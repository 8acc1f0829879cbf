"""Plots in the UI: a chart drawn as SVG that stands in the metadata itself. A plot that fails costs the plot alone."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any
from xml.etree.ElementTree import Element

from dagster import MetadataValue

from tiktok_organic_dagster.assets.charts import Chart, Loaded, chart_of
from tiktok_organic_dagster.errors import TikTokOrganicError
from tiktok_organic_dagster.readings.run import Outcome
from tiktok_organic_dagster.tables import Table
from tiktok_organic_dagster.tiktok.errors import clean
from tiktok_organic_dagster.warehouse import Warehouse

MOST_BYTES = 100_000
"""Of a plot as it stands in Dagster's event log."""
WIDTH = 900
LINES_HEIGHT = 380
BAR_HEIGHT = 32
LABELS = 10  # below the axis of a line
BAR_COLOUR = "#8fbcdb"  # light: the numbers stand on it
COLOURS = ("#4477aa", "#ee6677", "#228833", "#b8860b", "#33a2c9", "#aa3377", "#555555", "#e07b39")
_TIKTOK = re.compile(r"https://www\.tiktok\.com/[\w@./?=&%-]+")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+.!|<>~&:-])")


class NoPlotError(TikTokOrganicError):
    """There is no plot this time."""


def plots_of(
    tables: Sequence[Table],
    outcomes: Sequence[Outcome],
    day: date,
    warehouse: Warehouse,
    log: Callable[[str], None],
) -> dict[str, dict[str, MetadataValue[Any]]]:
    """The plot of each table, as metadata of its materialization; nothing for a table that has none.

    Args:
        tables: The tables that were loaded.
        outcomes: What came of the accounts.
        day: The newest day that was loaded.
        warehouse: Where the rows are; it is glanced at, and open for no longer than it is asked.
        log: Told of each plot that could not be made.
    """
    names = {o.account.business_id: o.account.username.removeprefix("@") for o in outcomes if o.error is None}
    plots: dict[str, dict[str, MetadataValue[Any]]] = {}
    for table, chart in _charts(tables, names, day, warehouse, log):
        try:
            plots[table.name] = {"plot": MetadataValue.md(markdown(chart))}
        except Exception as error:  # noqa: BLE001 -- rows are stored; a picture of them may be missing
            log(_no_plot(table, error))
    return plots


def _charts(
    tables: Sequence[Table], names: Mapping[str, str], day: date, warehouse: Warehouse, log: Callable[[str], None]
) -> list[tuple[Table, Chart]]:
    """What there is to draw, asked from the warehouse in one go."""
    charts: list[tuple[Table, Chart]] = []
    try:
        with warehouse.glance() as session:
            for table in tables:
                try:
                    chart = chart_of(table, Loaded(session, names, day))
                except Exception as error:  # noqa: BLE001
                    log(_no_plot(table, error))
                else:
                    charts += [] if chart is None else [(table, chart)]
    except Exception as error:  # noqa: BLE001
        log(f"No plots: {clean(str(error))}")
    return charts


def _no_plot(table: Table, error: Exception) -> str:
    return f"No plot of {table.name}: {type(error).__name__}: {clean(str(error))}"


def markdown(chart: Chart) -> str:
    """A chart as an image that needs nothing from elsewhere, and links to what it shows.

    Raises:
        NoPlotError: The image would be too large for the event log.
    """
    image = base64.b64encode(svg(chart)).decode("ascii")
    links = [f"- [{_escaped(text)}]({url})" for text, url in chart.links if _TIKTOK.fullmatch(url)]
    text = "\n".join([f"![{_escaped(chart.title)}](data:image/svg+xml;base64,{image})", "", *links])
    if len(text) > MOST_BYTES:
        raise NoPlotError(f"the image would take {len(text):,} bytes in the event log, more than {MOST_BYTES:,}.")
    return text


def svg(chart: Chart) -> bytes:
    """A chart as SVG. Names and captions are escaped, and drawn with the fonts of whoever looks at it."""
    import pygal  # noqa: PLC0415 -- only a run that draws needs it
    from pygal.style import Style  # noqa: PLC0415

    style = Style(
        background="white",
        plot_background="white",
        foreground="#444444",
        foreground_strong="#222222",
        foreground_subtle="#bbbbbb",
        guide_stroke_color="#dddddd",
        major_guide_stroke_color="#cccccc",
        guide_stroke_dasharray="0",
        major_guide_stroke_dasharray="0",
        font_family="system-ui, sans-serif",
        label_font_size=12,
        major_label_font_size=12,
        value_font_size=12,
        legend_font_size=12,
        title_font_size=15,
        opacity="1",
        stroke_width="2",
        colors=(BAR_COLOUR,) if chart.bars else COLOURS,
    )
    options = {
        "style": style,
        "js": (),
        "no_prefix": True,
        "explicit_size": True,
        "width": WIDTH,
        "title": chart.title,
        "formatter": _percentage if chart.percent else _number,
        "value_formatter": _percentage if chart.percent else _number,
        "truncate_label": -1,
        "truncate_legend": -1,
        "margin": 12,
    }
    if chart.bars:
        drawn = pygal.HorizontalBar(
            height=70 + BAR_HEIGHT * len(chart.labels),
            show_legend=False,
            print_values=True,
            show_x_labels=False,
            show_x_guides=False,
            show_y_guides=False,
            **options,
        )
        drawn.x_labels = [_printable(label) for label in reversed(chart.labels)]
        for series in chart.series:
            drawn.add("", list(reversed(series.values)))
    else:
        drawn = pygal.Line(
            height=LINES_HEIGHT + (24 * len(chart.series) if _is_long(chart) else 0),
            show_dots=any(_is_alone(series.values) for series in chart.series),
            dots_size=2,
            allow_interruptions=True,
            include_x_axis=True,
            legend_at_bottom=_is_long(chart),
            legend_at_bottom_columns=1,
            show_minor_x_labels=False,
            x_labels_major_every=-(-len(chart.labels) // LABELS),
            **options,
        )
        drawn.x_labels = list(chart.labels)
        for series in chart.series:
            drawn.add(_printable(series.name), list(series.values))
    drawn.add_xml_filter(_without_scripts)
    return drawn.render()


def _without_scripts(drawn: Element) -> Element:
    """What pygal adds for charts that stand in a page of their own; in an image it would only weigh."""
    for parent in list(drawn.iter()):
        for script in [child for child in parent if child.tag == "script"]:
            parent.remove(script)
    return drawn


def _is_long(chart: Chart) -> bool:
    return any(len(series.name) > 25 for series in chart.series)


def _is_alone(values: Sequence[float | None]) -> bool:
    """Whether a value has a gap on both sides, so that no line shows it."""
    padded = [None, *values, None]
    return any(
        value is not None and before is None and after is None
        for before, value, after in zip(padded, padded[1:], padded[2:], strict=False)
    )


def _escaped(text: str) -> str:
    """A text of which Markdown makes nothing else."""
    return _MARKDOWN.sub(r"\\\1", _printable(text))


def _printable(text: str) -> str:
    """A text without what XML does not allow."""
    return "".join(character for character in text if character.isprintable())


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.3g}"


def _percentage(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
