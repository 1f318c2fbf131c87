/** What the panel's parts ask of the application around them, and of the settings. */
import type { Kernel } from './kernel';
import type { Rights, Server, Viewer } from './server';
import type { Source } from './source';

export interface Desk {
  readonly server: Server;
  /** What the reader may do here. */
  rights(): Rights;
  /** Whether the streams' lines have a curve. */
  sparklines(): boolean;
  openNotebook(path: string): void;
  openStream(source: Source): void;
  share(kernel: Kernel): void;
  /** Ask the reader, then the kernel; returns what came of it, empty where the reader said no. */
  closeStream(kernel: Kernel, id: number, stream: string): Promise<string>;
  /** Show a viewer the door; returns what came of it. */
  disconnect(kernelId: string, viewer: Viewer): Promise<string>;
}
