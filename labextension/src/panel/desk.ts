/** What the panel's parts ask of the application around them, and of the settings. */
import type { Kernel } from './kernel';
import type { Rights, Server } from './server';

export interface Desk {
  readonly server: Server;
  /** What the reader may do here. */
  rights(): Rights;
  /** Whether the streams' lines have a curve. */
  sparklines(): boolean;
  openNotebook(path: string): void;
  openStream(kernel: Kernel, stream: string): void;
  share(kernel: Kernel): void;
}
