/** `jupyter_sio.LiveLog` in the page. */
import { LEVELS } from '../view/lines';
import { LogView } from '../view/log';
import { type Model, numberOf, textOf, type Plan, widgetOf } from './mount';

const maxLines = (model: Model): number => numberOf(model, 'max_lines') ?? 10_000;

export const logPlan: Plan = {
  traits: ['stream', 'title', 'height', 'level', 'max_lines', 'buttons', 'kernel_id'],

  streams: model => [textOf(model, 'stream')],

  tail: maxLines,

  view: (model, el, signal) => {
    const options = {
      title: textOf(model, 'title'),
      height: numberOf(model, 'height'),
      level: LEVELS.find(level => level === model.get('level')) ?? '',
      maxLines: maxLines(model),
    } as const;
    return new LogView(el, textOf(model, 'stream'), signal, options);
  },
};

export default widgetOf(logPlan);
