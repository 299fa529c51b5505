"""Charts of what the messages say: words, their ranks, and the statistics of the texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from lab.analysis.words import ZIPF_FACTOR, ZipfFit, fit_zipf, near_zipf, zipf_counts
from lab.charts import palette
from lab.charts.numbers import number
from lab.charts.scales import add_axes, label_axes, log_numbers, plain_numbers, row_axis
from lab.charts.stages import usable
from lab.charts.style import Chart, finish, line_handle, sentence_chart, styled
from lab.charts.text import SMALL_SIZE, TEXT_SIZE, drawable, fit, quoted
from lab.charts.values import tell_at, tell_box

# From this share of the words on, near the line, they are said to follow it.
_MOST = 0.9

Counts: TypeAlias = Mapping[str, int] | pd.Series | pd.DataFrame | Iterable[tuple[str, int]]

STATISTICS = {
    "text_length": ("Text length", "characters"),
    "avg_word_length": ("Average word length", "characters a word"),
    "num_digits": ("Words of digits", "words"),
    "num_special_chars": ("Words with special characters", "words"),
}

_MEANINGS = {
    "text_length": "characters",
    "avg_word_length": "characters a word",
    "num_digits": "words of digits",
    "num_special_chars": "words with special characters",
}


def counts_of(words: Counts | None) -> pd.Series:
    """Word counts in any of the usual shapes as one Series, word → count, most frequent first, ties in given order.

    Args:
        words: what ``lab.analysis.words.count_words`` gives, or any DataFrame with the columns ``word`` and ``count``;
            a mapping or Series word → count; pairs.
    """
    if words is None:
        return pd.Series(dtype="int64")
    if isinstance(words, pd.DataFrame):
        series = (
            words.set_index("word")["count"] if {"word", "count"} <= set(words.columns) else pd.Series(dtype="int64")
        )
    elif isinstance(words, pd.Series):
        series = words
    else:
        series = pd.Series(dict(words), dtype="int64")
    series = pd.to_numeric(series, errors="coerce").dropna()
    return series[series > 0].sort_values(ascending=False, kind="stable")


def word_frequencies(words: Counts, top: int = 20) -> Chart:
    """The most frequent words as bars.

    Args:
        words: word counts; see ``counts_of``.
        top: number of bars at most.
    """
    counts = counts_of(words)
    if counts.empty:
        return sentence_chart("No words yet", "No text has come out of the workflow, or the texts had no words.")
    shown = counts.head(top)
    chart = Chart(height=1.7 + 0.245 * max(len(shown), 3))
    (axes,) = add_axes(chart)
    total = int(counts.sum())
    with styled():
        places = np.arange(len(shown))
        axes.barh(
            places,
            shown.to_numpy(),
            0.7,
            color=[palette.VERMILLION if value == counts.iloc[0] else palette.BLUE for value in shown],
        )
        for place, value in zip(places, shown.tolist(), strict=True):
            words_ = f" {number(float(value), 12)} ({value / total:.1%})"
            axes.text(value, float(place), words_, va="center", ha="left", size=SMALL_SIZE, color=palette.MUTED)
        for row, (word, count) in enumerate(shown.items()):
            told = f"{quoted(word)}: {number(float(count), 12)} of {number(total, 12)} ({count / total:.1%})"
            tell_box(chart, axes, (0.0, float(shown.max()) * 1.2), (row - 0.5, row + 0.5), told)
        names = [fit(chart, drawable(_visible(word)), 1.9 * chart.dpi, TEXT_SIZE) for word in shown.index]
        row_axis(axes, names, "occurrences (words)")
        axes.set_xlim(0, float(shown.max()) * 1.2)
        plain_numbers(axes.xaxis, integer=True, bins=8)
    leader, most = quoted(counts.index[0], 32), int(counts.iloc[0])
    tied = int((counts == most).sum())
    whole = f"{number(total, 12)} word{'' if total == 1 else 's'}"
    if len(counts) == 1:
        finding = f"Only one word: {leader}, {number(most, 12)} time{'' if most == 1 else 's'}"
    elif tied == len(counts):
        finding = (
            f"Each of the {number(len(counts), 12)} words occurs {'once' if most == 1 else f'{number(most, 12)} times'}"
        )
    elif tied == 2:
        finding = f"{leader} and {quoted(counts.index[1], 32)} lead with {number(most, 12)} of {whole} each"
    elif tied > 2:
        finding = f"{number(tied, 12)} words lead with {number(most, 12)} of {whole} each, {leader} first among them"
    else:
        finding = f"{leader} leads with {number(most, 12)} of {whole}"
    rest = len(counts) - len(shown)
    detail = _distinct(len(counts)) + (f", the {len(shown)} most frequent shown" if rest else "")
    return finish(chart, finding, detail)


def rank_frequency(words: Counts, fit_of: ZipfFit | None = None) -> Chart:
    """Frequency of each word against its rank, both logarithmic, with the line of Zipf's law.

    G. K. Zipf (1949): frequency is about proportional to 1 / rank to the power *s*, with *s* near 1 in natural
    language. On two logarithmic axes that is a straight line. The line of Zipf's law holds as many words as the text:
    one that starts at the commonest word would say nothing of the others, for that one word is often off.

    Args:
        words: word counts; see ``counts_of``.
        fit_of: the fitted line; ``lab.analysis.words.fit_zipf`` makes it when left out.
    """
    counts = counts_of(words)
    if counts.empty:
        return sentence_chart("No words yet", "No text has come out of the workflow, or the texts had no words.")
    ranks = np.arange(1, len(counts) + 1, dtype=float)
    values = counts.to_numpy(dtype=float)
    table = pd.DataFrame({"rank": ranks, "word": counts.index, "count": values})
    line = fit_zipf(table) if fit_of is None and counts.nunique() > 1 else fit_of
    law = zipf_counts(table)
    chart = Chart(height=4.6)
    (axes,) = add_axes(chart)
    with styled():
        axes.plot(
            ranks,
            values,
            color=palette.BLUE,
            marker="o",
            markersize=4.5,
            linestyle="",
            mec=palette.PAPER,
            mew=0.5 if len(counts) < 60 else 0.0,
        )
        axes.plot(ranks, law, color=palette.MUTED, linestyle=":", linewidth=1.6)
        if line is not None:
            axes.plot(ranks, line.at(ranks), color=palette.VERMILLION, linestyle="--", linewidth=1.6)
        axes.set_xlim(0.85, max(len(counts), 2) * 1.3)
        # All of the line is seen, too: how far off the first and the last words are is part of the finding.
        axes.set_ylim(min(0.8, values.min() * 0.8, law.min() * 0.8), max(values.max() * 1.9, law.max() * 1.2))
        log_numbers(axes, "x")
        log_numbers(axes, "y")
        axes.grid(True, axis="both")
        # Labels of neighbours would overlap: a word is named only where the last name is well to its left.
        last = 0.0
        for rank, value, word in zip(ranks, values, counts.index, strict=True):
            if rank > 60 or (last and np.log10(rank / last) < 0.26):
                continue
            last = rank
            label = fit(chart, drawable(_visible(word)), 72, SMALL_SIZE)
            axes.annotate(
                label,
                (rank, value),
                xytext=(3, 6),
                textcoords="offset points",
                size=SMALL_SIZE,
                color=palette.INK,
                path_effects=[withStroke(linewidth=2.5, foreground=palette.PAPER)],
            )
        texts = (
            f"Rank {number(rank, 12)}: {quoted(word)}, {number(value, 12)} time{'' if value == 1 else 's'}; "
            f"by Zipf's law {number(by_law)}"
            for rank, value, word, by_law in zip(ranks, values, counts.index, law, strict=True)
        )
        tell_at(chart, axes, ranks, texts)
        label_axes(axes, "rank of the word (logarithmic)", "occurrences (words, logarithmic)")
    legend = [
        line_handle("words", palette.BLUE, marker="o", dash=""),
        line_handle("Zipf's law: as many words, in proportion to 1 / rank", palette.MUTED, dash=":", width=1.6),
    ]
    if line is not None:
        label = f"fitted: exponent {line.exponent:.2f}"
        legend.append(line_handle(label, palette.VERMILLION, dash="--", width=1.6))
    whole = number(float(values.sum()), 12)
    detail = f"{_distinct(len(counts))}, {whole} in all; each dot is a word"
    return finish(chart, _rank_finding(line.exponent if line else None, table), detail, legend=legend)


def _rank_finding(slope: float | None, table: pd.DataFrame) -> str:
    """What the dots show: how steep they fall, and how many lie near the line of Zipf's law that is drawn."""
    if slope is None:
        once = float((table["count"] == 1).mean())
        return "Too few words repeat to fit a line" + (f": {once:.0%} of them occur once" if once >= 0.5 else "")
    if not 0.8 <= slope <= 1.2:
        kind = "flatter" if slope < 0.8 else "steeper"
        return f"The words fall off {kind} than Zipf's law: the fitted exponent is {slope:.2f}, not 1"
    near = near_zipf(table)
    off, whole = int((~near).sum()), number(len(table), 12)
    within = f"within a factor of {number(ZIPF_FACTOR)} of its line; the fitted exponent is {slope:.2f}"
    if near.mean() >= _MOST:
        which = f"all but {number(off, 12)} of {whole}" if off else f"all {whole}"
        return f"The words follow Zipf's law: {which} lie {within}"
    return f"About as steep as Zipf's law, but only {number(len(table) - off, 12)} of {whole} words lie {within}"


def text_statistics(stats: pd.DataFrame) -> Chart:
    """Distributions of the four statistics that ``stats_generator`` makes of each text, as histograms.

    Args:
        stats: one row an execution with ``text_length``, ``avg_word_length``, ``num_digits``, ``num_special_chars``.
    """
    known = {
        name: usable(stats, name)[name].astype(float) for name in STATISTICS if stats is not None and name in stats
    }
    known = {name: values for name, values in known.items() if not values.empty}
    if not known:
        return sentence_chart("No statistics yet", "No execution has come to an end with statistics of its text.")
    chart = Chart(height=5.2 if len(known) > 2 else 3.4)
    panels = add_axes(chart, 2 if len(known) > 2 else 1, min(len(known), 2))
    with styled():
        for axes, (name, values), colour in zip(
            panels, known.items(), (palette.BLUE, palette.GREEN, palette.ORANGE, palette.PURPLE), strict=False
        ):
            title, unit = STATISTICS[name]
            counted, edges, _ = axes.hist(
                values, bins=_bins(values), color=colour, edgecolor=palette.PAPER, linewidth=0.6
            )
            _tell_texts(chart, axes, np.asarray(counted), edges, unit)
            axes.axvline(values.median(), color=palette.INK, linestyle="--", linewidth=1.4)
            axes.axvline(values.max(), color=palette.VERMILLION, linestyle=":", linewidth=1.6)
            axes.set_title(
                f"{title}\nmedian {number(values.median())}, maximum {number(values.max())}", weight="normal"
            )
            if values.min() == values.max():
                axes.set_xlim(max(values.min() - 3, -0.6), values.max() + 3)
            label_axes(axes, unit, "texts")
            plain_numbers(axes.xaxis, bins=6)
            plain_numbers(axes.yaxis, integer=True, bins=5)
        for axes in panels[len(known) :]:
            axes.set_visible(False)
    size = max(len(values) for values in known.values())
    legend = [
        line_handle("median", palette.INK, dash="--", width=1.4),
        line_handle("maximum", palette.VERMILLION, dash=":", width=1.6),
    ]
    detail = f"One value a text, {number(size, 12)} in all"
    if min(len(values) for values in known.values()) < size:
        detail += "; where a statistic is missing, fewer"
    return finish(chart, _statistics_finding(known, size), detail, legend=legend)


def _statistics_finding(known: dict[str, pd.Series], size: int) -> str:
    name = "text_length" if "text_length" in known else next(iter(known))
    title, unit = STATISTICS[name]
    values, texts = known[name], len(known[name])
    low, high = number(values.min()), number(values.max())
    if size == 1:
        return f"One text: {title.lower()} {low} {unit}"
    if low == high:
        # That is all that they need have in common: the other panels may show that they differ.
        return f"All {number(texts, 12)} texts have {low} {_MEANINGS[name]}"
    return f"Texts have {low} to {high} {_MEANINGS[name]}, half of them at most {number(values.median())}"


def _tell_texts(chart: Chart, axes: Axes, counted: np.ndarray, edges: np.ndarray, unit: str) -> None:
    """How many texts stand in each bar of a histogram."""
    highest = axes.get_ylim()[1]
    for count, (low, high) in zip(counted, pairwise(edges), strict=True):
        if count:
            # Bars of whole numbers begin and end half way to their neighbours.
            middle = (low + high) / 2
            whole = high - low == 1 and float(middle).is_integer()
            where = number(middle, 4) if whole else f"{number(low, 4)} to {number(high, 4)}"
            text = f"{number(float(count), 12)} text{'' if count == 1 else 's'} with {where} {unit}"
            tell_box(chart, axes, (low, high), (0.0, highest), text)


def _bins(values: pd.Series) -> Any:
    """Edges of the bars: one bar a value for small whole numbers, else at most 30 bars."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.array([low - 0.5, high + 0.5])
    if high - low <= 24 and bool((values == values.round()).all()):
        return np.arange(low - 0.5, high + 1.0)
    return min(30, max(8, int(np.sqrt(len(values)))))


def _visible(word: object) -> str:
    """A word as it can be shown: never empty, no line breaks."""
    return " ".join(str(word).split()) or "(blank)"


def _distinct(count: int) -> str:
    return f"{number(count, 12)} distinct word{'' if count == 1 else 's'}"
