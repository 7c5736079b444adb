/** Loss, jitter, round trip and MOS of a leg over time. */

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useIsDark } from "../../hooks";
import type { Measure } from "./model";

interface Curve {
  title: string;
  unit: string;
  value: (measure: Measure) => number | null;
  range: [number, number | null];
}

const CURVES: readonly Curve[] = [
  { title: "Loss", unit: "%", value: (each) => each.loss, range: [0, null] },
  { title: "Jitter", unit: "ms", value: (each) => each.jitter, range: [0, null] },
  { title: "Round trip", unit: "ms", value: (each) => each.roundTrip, range: [0, null] },
  { title: "MOS", unit: "", value: (each) => each.mos, range: [1, 5] },
];

export function Curves({ title, measures }: { title: string; measures: Measure[] }): JSX.Element {
  const last = measures.at(-1);
  return (
    <div>
      <h3>{title}</h3>
      <div class="curves">
        {CURVES.map((curve) => {
          const now = last ? curve.value(last) : null;
          return (
            <figure key={curve.title}>
              <figcaption>
                <span class="soft">{curve.title}</span>
                <strong class="number">{now === null ? "–" : `${now.toFixed(curve.title === "MOS" || curve.title === "Loss" ? 1 : 0)} ${curve.unit}`}</strong>
              </figcaption>
              {measures.length > 1 ? <Plot curve={curve} measures={measures} /> : null}
            </figure>
          );
        })}
      </div>
    </div>
  );
}

function Plot({ curve, measures }: { curve: Curve; measures: Measure[] }): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const isDark = useIsDark();
  const data: uPlot.AlignedData = [measures.map((each) => each.at / 1000), measures.map(curve.value)];
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const colour = (name: string): string => getComputedStyle(element).getPropertyValue(name).trim();
    const axis: uPlot.Axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui", size: 34 };
    const made = new uPlot(
      {
        width: element.clientWidth || 240,
        height: 110,
        legend: { show: false },
        cursor: { y: false, points: { size: 6 } },
        scales: { y: { range: (_self, _low, high) => [curve.range[0], curve.range[1] ?? Math.max(1, high * 1.15)] } },
        axes: [{ ...axis, size: 22, space: 60 }, { ...axis, space: 26 }],
        series: [{}, { label: curve.title, stroke: colour("--accent"), width: 1.6, points: { show: measures.length < 30, size: 4 }, spanGaps: true }],
      },
      data,
      element,
    );
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: 110 }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
    };
  }, [isDark]);
  useEffect(() => plot.current?.setData(data), [measures]);
  return <div ref={place} role="img" aria-label={`${curve.title} over time`} />;
}
