/** `jupyter_sio.LiveImage` in the page. */
import { ImageView } from '../view/image';
import { numberOf, textOf, type Plan, widgetOf } from './mount';

export const imagePlan: Plan = {
  traits: ['stream', 'title', 'height', 'buttons', 'kernel_id'],

  streams: model => [textOf(model, 'stream')],

  tail: () => 1,

  view: (model, el, signal) => {
    const options = { title: textOf(model, 'title'), height: numberOf(model, 'height') };
    return new ImageView(el, textOf(model, 'stream'), '', signal, options);
  },
};

export default widgetOf(imagePlan);
