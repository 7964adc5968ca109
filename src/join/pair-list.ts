/** Candidate pairs in two parallel arrays, of which the first `length` entries are valid. */
export interface Pairs {
  /** Row of each pair, within its tile. */
  readonly rows: Int32Array;
  /** Column of each pair, within its group. */
  readonly columns: Int32Array;
  readonly length: number;
}

/** Growable list of candidate pairs, 8 bytes each. Set `length` to 0 to use it again. */
export class PairList implements Pairs {
  rows = new Int32Array(1024);
  columns = new Int32Array(1024);
  length = 0;

  /** Appends a pair; doubles the arrays where they are full. */
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

  /** Sorts the pairs by row, stably, in O(length + rows). @param rows a number above every row */
  sortByRow(rows: number): void {
    const { length } = this;
    // Counting sort: `starts[row + 1]` first counts the pairs of a row, then `starts[row]` is where its next pair goes.
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
