import type { ColumnBounds, RowCodes } from "../join/codes/row-codes.js";
import type { HostSettings } from "../join/column-host.js";

/** What goes to a worker that holds columns and what comes back. Buffers are transferred, but for the flags, which are shared. */

/** A group's codes. */
export interface HoldMessage {
  readonly kind: "hold";
  readonly group: number;
  readonly data: Int8Array<ArrayBuffer>;
  readonly count: number;
  readonly bounds: ColumnBounds;
}

/** A tile and the groups that it is to meet; the answer is a `Found` for each, in this order. */
export interface MeetMessage {
  readonly kind: "meet";
  /** Number of the tile, which its answers carry. */
  readonly tile: number;
  readonly codes: RowCodes;
  readonly removed: Uint8Array;
  readonly groups: readonly number[];
}

/** Everything that a worker is asked; it does one thing after the other. */
export type HostMessage =
  | { readonly kind: "open"; readonly settings: HostSettings }
  | HoldMessage
  | { readonly kind: "rest" | "drop"; readonly group: number }
  | MeetMessage
  | { readonly kind: "close" };

/** The surviving pairs of a tile with the next of its groups, or what went wrong, after which the worker is of no use. */
export type Found =
  | { readonly tile: number; readonly rows: Int32Array; readonly columns: Int32Array }
  | { readonly error: string };
