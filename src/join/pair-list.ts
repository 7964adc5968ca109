/** Candidate pairs: a row of a tile and a column of a group, each; only the first `length` are valid. */
export interface Pairs {
  readonly rows: Int32Array;
  readonly columns: Int32Array;
  readonly length: number;
}

/** Growable list of candidate pairs. Reused from tile to tile. */
export class PairList implements Pairs {
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

  /** Orders the pairs by row, those of a row as they are. @param rows more than the largest row */
  sortByRow(rows: number): void {
    const { length } = this;
    const starts = new Int32Array(rows + 1);
    for (let i = 0; i < length; i++) starts[this.rows[i] + 1]++;
    for (let row = 0; row < rows; row++) starts[row + 1] += starts[row];
    const sortedRows = new Int32Array(this.rows.length);
    const sortedColumns = new Int32Array(this.columns.length);
    for (let i = 0; i < length; i++) {
      const at = starts[this.rows[i]]++;
      sortedRows[at] = this.rows[i];
      sortedColumns[at] = this.columns[i];
    }
    this.rows = sortedRows;
    this.columns = sortedColumns;
  }
}
