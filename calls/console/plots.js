// Bar plots over time, as SVG. The numbers are in a table beside each plot, for those who cannot see it.

import { svgElement } from "./dom.js";

const HEIGHT = 150;
const MARGIN = { top: 8, right: 4, bottom: 22, left: 46 };
const MAX_BAR = 26;
const MIN_LABEL_DISTANCE = 64;
const NICE = [1, 2, 2.5, 5, 10];

/**
 * Build a plot of stacked bars.
 *
 * `bars` has `{ label, title, values, onclick }` for each period: a value for each of `series`, whose
 * names are those of CSS colours, or null where there is none. `name` is what a screen reader says. The
 * axis ends at `max` or, without it, at a round number that is `atLeast` so large.
 */
export function buildPlot({ name, bars, series, max, atLeast = 0, format, width }) {
  const inner = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
  const top = max ?? niceMax(Math.max(atLeast, ...bars.flatMap(({ values }) => values ?? [])));
  const y = (value) => MARGIN.top + inner.height * (1 - value / top);
  const step = inner.width / Math.max(1, bars.length);
  const svg = svgElement("svg", { class: "plot", role: "img", "aria-label": name, width, height: HEIGHT,
    viewBox: `0 0 ${width} ${HEIGHT}` });
  for (const share of [0, 0.5, 1]) {
    const at = Math.round(y(share * top)) + 0.5;
    svg.append(svgElement("line", { class: share ? "grid" : "base", x1: MARGIN.left, x2: width - MARGIN.right, y1: at, y2: at }),
      svgElement("text", { x: MARGIN.left - 8, y: at + 4, "text-anchor": "end" }, format(share * top)));
  }
  const every = Math.ceil(MIN_LABEL_DISTANCE / step);
  bars.forEach((bar, index) => {
    const middle = MARGIN.left + step * (index + 0.5);
    const group = svgElement("g", { class: "bar" }, svgElement("title", {}, bar.title));
    group.append(svgElement("rect", { class: "hit", x: middle - step / 2, y: MARGIN.top, width: step, height: inner.height }));
    let sum = 0;
    const barWidth = Math.max(1, Math.min(MAX_BAR, step * 0.7));
    (bar.values ?? []).forEach((value, number) => {
      // However small, what is not zero can be seen.
      const height = value ? Math.max(1.5, y(sum) - y(sum + value)) : 0;
      group.append(svgElement("rect", { class: `series-${series[number]}`, x: middle - barWidth / 2, y: y(sum) - height,
        width: barWidth, height }));
      sum += value;
    });
    if (bar.onclick) group.addEventListener("click", bar.onclick);
    svg.append(group);
    const isLabelled = (bars.length - 1 - index) % every === 0 && middle - MARGIN.left > 18;
    if (isLabelled || bars.length === 1) {
      svg.append(svgElement("text", { x: Math.min(middle, width - 20), y: HEIGHT - 6, "text-anchor": "middle" }, bar.label));
    }
  });
  return svg;
}

/** The next round number from here on: 0.034 -> 0.05. */
export function niceMax(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  // Rounded, because 0.1 * 2.5 is not quite 0.25.
  return Number((power * NICE.find((each) => each * power >= value * 0.999)).toPrecision(3));
}
