// Deliveries over time. The numbers stand in a table beside each plot too, for whoever cannot see it.
import uPlot from "uplot";

const DARK = window.matchMedia("(prefers-color-scheme: dark)");
const SERIES = ["--good", "--bad", "--warn"];

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
    axes: [axis, { ...axis, size: 48 }],
    series: [
      {},
      ...labels.map((label, at) => ({
        label,
        stroke: colour(SERIES[at]),
        fill: colour(SERIES[at]),
        width: 0,
        paths: uPlot.paths.bars({ size: [0.8, 24], align: 1 }),
        points: { show: false },
      })),
    ],
  };
}

export function draw(figure) {
  const { labels, rows } = JSON.parse(figure.dataset.plot);
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
