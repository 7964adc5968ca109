import { InputError } from "../../errors.js";
import type { InputFormat } from "../../io/input-format.js";
import { likelyCause } from "../../io/likely-cause.js";
import type { ToldReject } from "../../io/source.js";
import { shellWord } from "../../shell-word.js";
import { RejectsBrake } from "../check/rejects-brake.js";
import type { SharedOptions } from "../options.js";
import { MissingTextField } from "./missing-field.js";

/** A file as the messages about its records need it. */
export interface ScannedFile {
  readonly name: string;
  readonly format: InputFormat;
  /** Where the content lies; for standard input the path of its copy. */
  readonly path: string;
}

/**
 * What the scans of all inputs have found so far, and whether a run can use them: it stops where too many records are
 * rejected, where none has the text, and where none is left.
 */
export class ScannedInputs {
  readonly #missing: MissingTextField;
  readonly #brake: RejectsBrake;
  readonly #files: string[] = [];
  #records = 0;
  #rejects = 0;
  #first: { readonly file: ScannedFile; readonly reject: ToldReject } | undefined;

  constructor({
    textFields,
    vectorField,
    maxRejects,
  }: Pick<SharedOptions, "textFields" | "vectorField" | "maxRejects">) {
    this.#missing = new MissingTextField(textFields, vectorField);
    this.#brake = new RejectsBrake(maxRejects);
  }

  /** Records so far, rejected ones among them. */
  get records(): number {
    return this.#records;
  }

  /** Begins a file; it may have no records. */
  begin({ name }: Pick<ScannedFile, "name">): void {
    this.#files.push(name);
  }

  /**
   * Takes records of a file.
   * @param records number of them, rejected ones among them
   * @throws BrakeError where the limit is a count and more records than that are rejected
   */
  add(file: ScannedFile, records: number, rejects: readonly ToldReject[]): void {
    this.#records += records;
    this.#rejects += rejects.length;
    if (rejects.length > 0) this.#first ??= { file, reject: rejects[0] };
    this.#missing.add(file.name, rejects, rejects.length < records);
    this.#brake.add(file.name, rejects);
  }

  /**
   * Requires a record that can be used, and not too many that cannot. Called once all records are there.
   * @throws InputError or BrakeError
   */
  async requireUseful(): Promise<void> {
    this.#requireText();
    this.#brake.end(this.#records);
    if (this.#records === 0) {
      const names = this.#files.slice(0, 3);
      const more = this.#files.length > names.length ? ", ..." : "";
      throw new InputError(
        `the inputs (${names.join(", ")}${more}) hold no records; nothing was published, and earlier outputs stay as they are`,
      );
    }
    if (this.#rejects < this.#records || this.#first === undefined) return;
    const { file, reject } = this.#first;
    const { name, path } = file;
    const isText = file.format !== "parquet" && file.format !== "arrow";
    const alone = this.#records === 1;
    const cause = isText ? await likelyCause({ path, name, reject, alone }) : undefined;
    const count = this.#records === 1 ? "the only record was" : `all ${this.#records} records were`;
    throw new InputError(
      `${count} rejected, so nothing was published and earlier outputs stay as they are. ` +
        `Line ${reject.line} of ${name}: ${reject.error}${cause === undefined ? "; see --text-field" : `. Likely cause: ${cause}`}`,
    );
  }

  /** @throws InputError where no record has the text; of CSV its first line may be no header */
  #requireText(): void {
    try {
      this.#missing.check();
    } catch (error) {
      const { format, name } = this.#first?.file ?? {};
      if (format !== "csv" && format !== "tsv") throw error;
      const line = format === "tsv" ? "printf 'text\\tlabel\\n'" : "echo 'text,label'";
      const header = `{ ${line}; cat ${shellWord(name ?? "")}; } | bge-dedup -`;
      throw new InputError(`${(error as Error).message}. If the first line is no header, put one before it: ${header}`);
    }
  }
}
