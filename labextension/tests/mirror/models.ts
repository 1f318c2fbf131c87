/** Mirrored widgets as a kernel tells them. */
import type { Mirrored, Model } from '../../src/protocol/widgetState';

export const CONTROLS = '@jupyter-widgets/controls';

export const model = (name: string, state: object, other: Partial<Model> = {}): Model => ({
  id: 'root',
  name,
  module: CONTROLS,
  state: state as Model['state'],
  settable: ['value'],
  ...other,
});

/** The first is the root. */
export const mirrored = (...models: Model[]): Mirrored => ({
  event: 'widget:m',
  root: models[0]!.id,
  models: new Map(models.map(each => [each.id, each])),
});
