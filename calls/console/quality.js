// The view of the quality of calls over time: lost audio, talk share and silence.

import { sendJson } from "./api.js";
import { aggregate, chooseUnit, lastDay, lostShare, ownShare, silentShare, worstCalls } from "./aggregate.js";
import { cloneTemplate, element, setText } from "./dom.js";
import { formatCount, formatDay, formatDuration, formatPercent, formatSmallPercent, formatTime } from "./format.js";
import { buildPlot } from "./plots.js";
import { callTitle } from "./record.js";
import { describeFilters, formatDayOf, formatRoute, toQuery } from "./route.js";

const PAGE_CALLS = 100;
const MAX_CALLS = 1000;
const MAX_WORST = 8;
const NO_VALUE = "\u2013";
const SEPARATOR = " \u00b7 ";

const PLOTS = [
  {
    // A loss that nobody hears must not look like a large one.
    key: "lost", title: "Lost audio", note: "Share of all audio", atLeast: 0.001, series: ["lost"],
    valuesOf: (sums) => [lostShare(sums)], format: formatSmallPercent,
    columns: { "Lost audio": (sums) => formatDuration(sums.lostMs), Share: (sums) => formatSmallPercent(lostShare(sums)),
      "Calls with losses": (sums) => String(sums.lossy) },
  },
  {
    key: "talk", title: "Talk share", note: "Share of all speech, where each participant has a track", max: 1,
    series: ["own", "other"], legend: { own: "Your side", other: "Other party" },
    valuesOf: (sums) => [ownShare(sums), 1 - ownShare(sums)], format: formatPercent,
    isEmpty: (sums) => ownShare(sums) === null,
    columns: { "Your side": (sums) => formatPercent(ownShare(sums)), "Other party": (sums) => formatPercent(1 - ownShare(sums)) },
  },
  {
    key: "silence", title: "Silence", note: "Share of the duration in which nobody speaks", max: 1, series: ["silence"],
    valuesOf: (sums) => [silentShare(sums)], format: formatPercent,
    columns: { Silence: (sums) => formatDuration(sums.silentMs), Share: (sums) => formatPercent(silentShare(sums)) },
  },
];

export class QualityView {
  #parts;
  #filters;
  #records = [];
  #cursor = null;
  #unit = null;
  #abort = new AbortController();
  #width = 0;
  #resize = new ResizeObserver(([{ contentRect }]) => {
    // The plots themselves change the height: only another width needs new ones.
    if (contentRect.width === this.#width) return;
    this.#width = contentRect.width;
    requestAnimationFrame(() => this.#showPlots());
  });
  id = null;

  constructor(filters) {
    const { root, parts } = cloneTemplate("t-quality");
    this.root = root;
    this.backLink = parts.back;
    this.#parts = parts;
    this.#filters = filters;
    parts.unit.addEventListener("change", () => {
      this.#unit = parts.unit.value || null;
      this.#show();
    });
    parts.more.addEventListener("click", () => this.#load());
  }

  start() {
    document.title = "Quality \u2013 Call Audio";
    this.#resize.observe(this.#parts.plots);
    this.#load();
  }

  stop() {
    this.#abort.abort();
    this.#resize.disconnect();
  }

  /** Show the quality of other calls. */
  setFilters(filters) {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#filters = filters;
    this.#records = [];
    this.#cursor = null;
    this.#load();
  }

  /** Load up to a thousand further calls, and show them as they come. */
  async #load() {
    const { signal } = this.#abort;
    const { note, more } = this.#parts;
    const query = toQuery(this.#filters);
    query.delete("sort");
    query.set("limit", PAGE_CALLS);
    more.hidden = true;
    const end = this.#records.length + MAX_CALLS;
    try {
      do {
        if (this.#cursor) query.set("cursor", this.#cursor);
        const page = await sendJson(`calls?${query}`, { signal });
        if (signal.aborted) return;
        this.#records.push(...page.calls);
        this.#cursor = page.cursor;
        this.#show({ isLoading: Boolean(this.#cursor) && this.#records.length < end });
      } while (this.#cursor && this.#records.length < end);
    } catch (error) {
      if (error.name === "AbortError") return;
      setText(note, error.message);
      setText(more, "Try again");
      more.hidden = false;
    }
  }

  #show({ isLoading = false } = {}) {
    const { note, more, metrics, unit, worst, worstPanel } = this.#parts;
    const count = formatCount(this.#records.length, "call");
    const which = describeFilters(this.#filters).map(({ text }) => text);
    const texts = [isLoading ? `Loading, ${count} so far` : this.#cursor ? `The newest ${count}` : count, ...which];
    setText(note, texts.join(SEPARATOR));
    setText(more, "Load more calls");
    more.hidden = isLoading || !this.#cursor;
    const { total } = aggregate(this.#records, "day");
    metrics.replaceChildren(...buildFigures(total));
    unit.firstElementChild.textContent = `Automatic (by ${chooseUnit(this.#records)})`;
    this.#showPlots();
    const calls = worstCalls(this.#records, MAX_WORST);
    worst.replaceChildren(...calls.map((record) => buildWorst(record, this.#filters)));
    worstPanel.hidden = !calls.length;
  }

  /** Draw the plots in the width that they have. Tables that are open stay open. */
  #showPlots() {
    const { plots } = this.#parts;
    const open = new Set([...plots.querySelectorAll("details[open]")].map((details) => details.dataset.key));
    const unit = this.#unit ?? chooseUnit(this.#records);
    const { periods } = aggregate(this.#records, unit);
    plots.replaceChildren(...PLOTS.map((plot) => {
      const panel = buildPanel(plot, periods.map((sums) => describePeriod(sums, unit, this.#filters)));
      panel.querySelector("details").open = open.has(plot.key);
      return panel;
    }));
    for (const [index, plot] of PLOTS.entries()) {
      const frame = plots.children[index].querySelector("[data-frame]");
      const bars = periods.map((sums) => buildBar(plot, sums, describePeriod(sums, unit, this.#filters)));
      const name = `${plot.title} by ${unit}. The table below has the numbers.`;
      if (frame.clientWidth) frame.replaceChildren(buildPlot({ ...plot, name, bars, width: frame.clientWidth }));
    }
  }
}

/** A period's texts and its link, beside its sums. */
function describePeriod(sums, unit, filters) {
  const end = lastDay(sums.start, unit);
  const label = sums.start.toLocaleDateString(undefined, { day: "numeric", month: "short" });
  const options = { day: "numeric", month: "short", year: "numeric" };
  const text = unit === "week" ? `Week of ${sums.start.toLocaleDateString(undefined, options)}`
    : sums.start.toLocaleDateString(undefined, { weekday: "short", ...options });
  const period = { ...filters, from: formatDayOf(sums.start), until: formatDayOf(end) };
  return { sums, label, text, href: formatRoute({ view: "list", filters: period }) };
}

const isEmpty = (plot, sums) => (plot.isEmpty ? plot.isEmpty(sums) : plot.valuesOf(sums)[0] === null);

function buildBar(plot, sums, { label, text, href }) {
  const values = isEmpty(plot, sums) ? null : plot.valuesOf(sums);
  const facts = values ? Object.entries(plot.columns).map(([name, describe]) => `${name}: ${describe(sums)}`) : ["No data"];
  const title = `${text}\n${formatCount(sums.calls, "call")}\n${facts.join("\n")}`;
  return { label, title, values, onclick: sums.calls ? () => (location.hash = href) : null };
}

function buildPanel(plot, periods) {
  const heading = `plot-${plot.key}`;
  const legend = Object.entries(plot.legend ?? {}).map(([series, text]) =>
    element("li", {}, element("span", { class: `legend-key key-${series}`, "aria-hidden": "true" }), text));
  const columns = ["Period", "Calls", ...Object.keys(plot.columns)].map((text) => element("th", { scope: "col" }, text));
  const rows = periods.toReversed().map(({ sums, text, href }) => element("tr", {},
    element("td", {}, sums.calls ? element("a", { href }, text) : text), element("td", {}, String(sums.calls)),
    ...Object.values(plot.columns).map((describe) => element("td", {}, isEmpty(plot, sums) ? NO_VALUE : describe(sums)))));
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...columns)), element("tbody", {}, ...rows));
  return element("section", { class: "panel", "aria-labelledby": heading },
    element("div", { class: "panel-head" }, element("h2", { id: heading }, plot.title),
      element("p", { class: "panel-note" }, plot.note),
      legend.length ? element("ul", { class: "legend", "aria-label": "Legend" }, ...legend) : null),
    element("div", { class: "plot-frame", "data-frame": "" }),
    element("details", { class: "disclosure", "data-key": plot.key }, element("summary", {}, "View as table"),
      element("div", { class: "table-frame", role: "region", "aria-label": `${plot.title} table`, tabindex: "0" }, table)));
}

function buildFigures(total) {
  const share = (value, format) => (value === null ? NO_VALUE : format(value));
  const figures = {
    Calls: total.calls.toLocaleString(),
    Recorded: total.recorded ? formatDuration(total.durationMs) : NO_VALUE,
    "Lost audio": total.lostMs ? formatDuration(total.lostMs) : total.recorded ? "None" : NO_VALUE,
    "With losses": total.recorded ? `${total.lossy} of ${total.recorded}` : NO_VALUE,
    "Your talk share": share(ownShare(total), formatPercent),
    Silence: share(silentShare(total), formatPercent),
  };
  return Object.entries(figures).map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)));
}

function buildWorst(record, filters) {
  const id = record.call_connection_id;
  const { lost_ms: lost, audio_ms: audio } = record.summary;
  return element("li", {},
    element("a", { href: formatRoute({ view: "call", id, filters }) }, callTitle(record, { withNumber: false })),
    element("span", { class: "muted" }, `${formatDay(record.created_at)}, ${formatTime(record.created_at)}`),
    element("span", {}, `${formatDuration(lost)} (${formatSmallPercent(audio ? lost / audio : 0)})`));
}
