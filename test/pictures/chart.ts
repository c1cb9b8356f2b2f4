import { createElement as h } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import type { DataVisualizationBlock } from '../../src/adapters/slack/chart.ts';

const size = { width: 340, height: 150 };
const colours = ['#1264a3', '#e8912d', '#2bac76', '#cd2553', '#7c3085', '#868686'];
const shownLabels = 5;

/**
 * Slack's own chart, drawn from its documentation: no renderer that can be installed knows it, and how Slack chooses the range of values is
 * not said anywhere. Lines are evenly spaced over their categories, named in a legend.
 */
export function chartHtml({ title, chart }: DataVisualizationBlock): string {
  const { series, axis_config } = chart;
  const all = series.flatMap(({ data }) => data.map(({ value }) => value));
  const low = Math.min(...all);
  const range = Math.max(...all) - low || 1;
  const { categories, x_label, y_label } = axis_config;
  const x = (i: number) => (size.width * i) / (categories.length - 1);
  const every = Math.ceil(categories.length / shownLabels);
  return renderToStaticMarkup(
    h(
      'div',
      { className: 'chart' },
      h('b', null, title),
      h('div', { className: 'axis' }, y_label),
      h(
        'svg',
        { viewBox: `-4 -6 ${size.width + 8} ${size.height + 26}`, role: 'img' },
        ...series.map(({ data }, s) =>
          h('polyline', {
            key: s,
            fill: 'none',
            stroke: colours[s],
            strokeWidth: 2,
            points: data
              .map(({ value }, i) => [x(i), size.height * (1 - (value - low) / range)])
              .map(point => point.map(one => one.toFixed(1)).join(','))
              .join(' '),
          }),
        ),
        ...categories.map((label, i) =>
          i % every === 0
            ? h(
                'text',
                {
                  key: label,
                  x: x(i).toFixed(1),
                  y: size.height + 16,
                  textAnchor: i === 0 ? 'start' : 'middle',
                },
                label,
              )
            : null,
        ),
      ),
      h('div', { className: 'axis' }, x_label),
      h(
        'div',
        { className: 'legend' },
        ...series.map(({ name }, s) =>
          h('span', { key: name }, h('i', { style: { background: colours[s] } }), name),
        ),
      ),
    ),
  );
}
