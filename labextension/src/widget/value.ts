/** `jupyter_sio.LiveValue` in the page. */
import { Value } from '../view/value';
import { textOf, type Plan, widgetOf } from './mount';

export const valuePlan: Plan = {
  traits: ['stream', 'column', 'label', 'unit', 'format', 'kernel_id'],

  streams: model => [textOf(model, 'stream')],

  // A column that has a value now and then is found among so many rows; more is for a plot.
  tail: () => 10_000,

  view: (model, el, signal) => {
    const column = textOf(model, 'column');
    const options = {
      column,
      label: textOf(model, 'label') || column,
      unit: textOf(model, 'unit'),
      format: textOf(model, 'format'),
    };
    return new Value(el, options, signal);
  },
};

export default widgetOf(valuePlan);
