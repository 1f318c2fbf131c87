/** `jupyter_sio.LiveTable` in the page. */
import { TableView } from '../view/table';
import { type Model, numberOf, textOf, textsOf, type Plan, widgetOf } from './mount';

const maxRows = (model: Model): number => numberOf(model, 'max_rows') ?? 1_000_000;

export const tablePlan: Plan = {
  traits: ['stream', 'columns', 'title', 'height', 'max_rows', 'buttons', 'kernel_id'],

  streams: model => [textOf(model, 'stream')],

  tail: maxRows,

  view: (model, el, signal) => {
    const options = {
      title: textOf(model, 'title'),
      height: numberOf(model, 'height'),
      columns: textsOf(model, 'columns'),
      maxRows: maxRows(model),
    };
    return new TableView(el, textOf(model, 'stream'), signal, options);
  },
};

export default widgetOf(tablePlan);
