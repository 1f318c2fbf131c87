/** The panel's commands, all of them in the palette. */
import type { Application, Offered } from '../lab/jupyterlab';
import type { Kind } from '../page/save';
import { trans } from '../words';
import type { Ask } from './ask';
import type { Desk } from './desk';
import type { Directory } from './directory';
import { hasEnded, type Kernel } from './kernel';
import type { Panel } from './panel';
import type { Preferences } from './preferences';
import { choices } from './source';
import { readShown, type Tabs } from './tabs';
import { tellKind } from './viewers_view';

export const COMMANDS = {
  show: 'jupyter-sio:show-panel',
  follow: 'jupyter-sio:follow',
  open: 'jupyter-sio:open-stream',
  add: 'jupyter-sio:add-to-plot',
  save: 'jupyter-sio:save',
  send: 'jupyter-sio:send-event',
  share: 'jupyter-sio:share',
  close: 'jupyter-sio:close-stream',
  disconnect: 'jupyter-sio:disconnect-viewer',
} as const;

export interface Around {
  app: Application;
  ask: Ask;
  desk: Desk;
  directory: Directory;
  panel: Panel;
  preferences: Preferences;
  tabs: Tabs;
  /** The kernel of the notebook in front. */
  front: () => Kernel | undefined;
  /** Bring the panel to the front. */
  show: () => void;
}

const KINDS: readonly Kind[] = ['PNG', 'CSV', 'Arrow'];

export function addCommands(around: Around, palette: Offered['palette'] | undefined): void {
  lookingCommands(around);
  tabCommands(around);
  managingCommands(around);
  const category = trans.__('Live data');
  const { save, ...others } = COMMANDS;
  for (const command of Object.values(others)) palette?.addItem({ command, category });
  for (const kind of KINDS) palette?.addItem({ command: save, category, args: { kind } });
}

function lookingCommands({ app, preferences, show, front, panel, desk }: Around): void {
  const { commands } = app;
  commands.addCommand(COMMANDS.show, {
    label: trans.__('Show Live Data'),
    caption: trans.__('Everything live on this server: kernels, streams, viewers, events'),
    execute: show,
  });
  commands.addCommand(COMMANDS.follow, {
    label: trans.__('Follow the Active Notebook in Live Data'),
    isToggled: () => preferences.followActive,
    execute: () => {
      preferences.followActive = !preferences.followActive;
    },
  });
  commands.addCommand(COMMANDS.send, {
    label: trans.__('Send an Event to This Notebook'),
    isEnabled: () => desk.rights().send && front() !== undefined,
    execute: () => {
      const kernel = front();
      show();
      if (kernel) panel.console(kernel.id);
    },
  });
}

function tabCommands({ app, ask, directory, tabs }: Around): void {
  const { commands } = app;
  const pick = async (title: string) =>
    (await ask.pick(title, trans.__('Stream'), choices(directory.kernels.values())))?.source;
  commands.addCommand(COMMANDS.open, {
    label: trans.__('Open a Live Stream…'),
    execute: async args => {
      const picked = readShown(args) ?? (await pick(trans.__('Open a Live Stream')));
      return picked ? tabs.open({ also: [], ...picked }) : undefined;
    },
  });
  commands.addCommand(COMMANDS.add, {
    label: trans.__('Add a Stream to a Plot…'),
    isEnabled: () => tabs.all().length > 0,
    execute: async args => {
      const given = readShown(args);
      if (!given && tabs.current) return tabs.addToTab(tabs.current);
      const source = given ?? (await pick(trans.__('Add a Stream to a Plot')));
      return source ? tabs.addTo(source) : undefined;
    },
  });
  const canSave = ({ kind }: Readonly<Record<string, unknown>>): boolean =>
    tabs.current?.content.kinds.includes(kind as Kind) ?? false;
  commands.addCommand(COMMANDS.save, {
    label: ({ kind }) => trans.__('Save This Stream as %1', String(kind)),
    isEnabled: canSave,
    execute: args => {
      if (canSave(args)) tabs.current?.content.save(args.kind as Kind);
    },
  });
}

function managingCommands({ app, ask, desk, directory, front }: Around): void {
  const { commands } = app;
  const mayManage = (): boolean => desk.rights().manage;
  commands.addCommand(COMMANDS.share, {
    label: trans.__('Share Live Data of This Notebook…'),
    isEnabled: () => mayManage() && front() !== undefined,
    execute: () => {
      const kernel = front();
      if (kernel) desk.share(kernel);
    },
  });
  commands.addCommand(COMMANDS.close, {
    label: trans.__('Close a Live Stream…'),
    isEnabled: mayManage,
    execute: async () => {
      const { kernels } = directory;
      const open = choices(kernels.values(), ({ ended }, kernel) => !ended && !hasEnded(kernel));
      const title = trans.__('Close a Live Stream');
      const picked = await ask.pick(title, trans.__('Stream'), open);
      const kernel = kernels.get(picked?.source.kernelId ?? '');
      if (!picked || !kernel) return;
      const { id, stream } = picked.stream;
      const told = await desk.closeStream(kernel, id, stream);
      if (told) await ask.tell(title, told);
    },
  });
  commands.addCommand(COMMANDS.disconnect, {
    label: trans.__('Disconnect a Viewer of This Notebook…'),
    isEnabled: () => mayManage() && front() !== undefined,
    execute: async () => {
      const kernel = front();
      if (!kernel) return;
      const viewers = (await desk.server.viewers(kernel.id)).map((viewer, index) => ({
        viewer,
        label: `${index + 1}. ${viewer.name} (${tellKind(viewer.kind)})`,
      }));
      const title = trans.__('Disconnect a Viewer');
      const picked = await ask.pick(title, trans.__('Viewer'), viewers);
      if (picked) await ask.tell(title, await desk.disconnect(kernel.id, picked.viewer));
    },
  });
}
