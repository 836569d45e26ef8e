// Deliveries over time. The numbers stand in a table beside each plot too, for whoever cannot see it.
import uPlot from "uplot";

const DARK = window.matchMedia("(prefers-color-scheme: dark)");
const SERIES = ["--good", "--bad", "--warn", "--accent", "--soft"];
const BARS = 3; // what follows came from readers later: points, so that no bar hides another's

const LANGUAGE = document.documentElement.lang;
const HOUR = new Intl.DateTimeFormat(LANGUAGE, { hour: "numeric", minute: "2-digit" });
const DATE = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "short" });
const A_DAY = 86400;

// The library's own are American; the date stands below the first hour of each day.
function moments(_, seconds, __, ___, step) {
  let before = "";
  return seconds.map((second) => {
    const at = new Date(second * 1000);
    const date = DATE.format(at);
    const fresh = date !== before;
    before = date;
    if (step >= A_DAY) return date;
    return fresh ? `${HOUR.format(at)}\n${date}` : HOUR.format(at);
  });
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function options(figure, labels) {
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  return {
    width: figure.clientWidth,
    height: 220,
    cursor: { y: false },
    legend: { live: false },
    scales: { x: { time: true }, y: { range: (_, __, most) => [0, Math.max(4, most * 1.1)] } },
    axes: [{ ...axis, space: 70, values: moments }, { ...axis, size: 48 }],
    series: [
      {},
      ...labels.map((label, at) => ({
        label,
        stroke: colour(SERIES[at]),
        fill: colour(SERIES[at]),
        width: 0,
        ...(at < BARS
          ? { paths: uPlot.paths.bars({ size: [0.8, 24], align: 1 }), points: { show: false } }
          : { paths: () => null, points: { show: true, size: 9, fill: colour(SERIES[at]) } }),
      })),
    ],
  };
}

export function draw(figure) {
  const { labels, rows } = JSON.parse(figure.dataset.plot);
  for (let at = BARS + 1; at < rows.length; at += 1) rows[at] = rows[at].map((value) => value || null);
  let shown = null;
  const again = () => {
    shown?.destroy();
    shown = new uPlot(options(figure, labels), rows, figure);
    const parts = figure.querySelectorAll("canvas");
    for (const part of parts) part.setAttribute("aria-hidden", "true");
  };
  again();
  DARK.addEventListener("change", again);
  new ResizeObserver(() => {
    if (shown.width !== figure.clientWidth) shown.setSize({ width: figure.clientWidth, height: 220 });
  }).observe(figure);
}
