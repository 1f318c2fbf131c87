/**
 * What a view is handed, in order: the promise of protocol.md §2 in the words of a view.
 */
import type { Table } from './payload';
import type { Why } from './messages';

/** Rows `start … end-1` of a stream: those of `table` after its first `skip`. */
export interface RowsDelivery {
  kind: 'rows';
  stream: string;
  table: Table;
  skip: number;
  start: number;
  end: number;
  /** They begin anew, and are not spliced to what is held. */
  fresh: boolean;
  /** The publisher's clock when they left it, ms since 1970. */
  time: number;
  /** Of the payload that brought them. */
  bytes: number;
  /** Say that they are on the screen: lets the server send more, where a window was given. */
  done(): void;
}

/** Rows `start … end-1` will not come. */
export interface GapDelivery {
  kind: 'gap';
  stream: string;
  start: number;
  end: number;
  why: Why;
}

/** The stream goes on in `epoch`; unless `recovered`, what is held is to be replaced. */
export interface BegunDelivery {
  kind: 'begun';
  stream: string;
  epoch: string;
  recovered: boolean;
}

/** The server will not send this stream. */
export interface RefusedDelivery {
  kind: 'refused';
  stream: string;
  code: number;
  message: string;
}

export type Delivery = RowsDelivery | GapDelivery | BegunDelivery | RefusedDelivery;
