/** `jupyter_sio.LivePlot` in the page. */
import { Plot } from '../view/plot';
import { numberOf, textOf, textsOf, type Plan, widgetOf } from './mount';

export const plotPlan: Plan = {
  traits: [
    'streams',
    'x',
    'y',
    'title',
    'height',
    'log_y',
    'last',
    'max_rows',
    'buttons',
    'kernel_id',
  ],

  streams: model => textsOf(model, 'streams') ?? [],

  view: (model, el, signal) => {
    const options = {
      streams: textsOf(model, 'streams') ?? [],
      x: textOf(model, 'x') || null,
      y: textsOf(model, 'y'),
      title: textOf(model, 'title'),
      height: numberOf(model, 'height') ?? 320,
      log: model.get('log_y') === true,
      last: numberOf(model, 'last'),
      maxRows: numberOf(model, 'max_rows') ?? 1_000_000,
    };
    return new Plot(el, options, signal);
  },
};

export default widgetOf(plotPlan);
