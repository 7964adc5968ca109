/** Growable list of candidate pairs: a row of a tile and a column of a group. Reused from tile to tile. */
export class PairList {
  /** Row and column of each pair; only the first `length` are valid. */
  rows = new Int32Array(1024);
  columns = new Int32Array(1024);
  length = 0;

  /** Appends a pair. */
  push(row: number, column: number): void {
    if (this.length === this.rows.length) {
      const rows = new Int32Array(2 * this.length);
      const columns = new Int32Array(2 * this.length);
      rows.set(this.rows);
      columns.set(this.columns);
      this.rows = rows;
      this.columns = columns;
    }
    this.rows[this.length] = row;
    this.columns[this.length++] = column;
  }
}
