import { UnavailableError } from "../../errors.js";
import { MOST_REFUSED, type RefusedInput, type WindowVectors } from "../local/embedder.js";
import { normaliseInto } from "../normalise.js";
import type { EndpointAddress } from "./address.js";
import { answerText, readEmbeddings, refusesCount, refusesSize, shorterLength, UnusableAnswerError } from "./answer.js";
import { embeddingsBody, probeCall, type ServedModel } from "./discovery.js";
import type { HttpAnswer } from "./http.js";
import { certainChars, firstBounds, planRequests, type RequestBounds } from "./plan-requests.js";
import type { EndpointRequests } from "./requests.js";

/**
 * Failures, each outlived by the server, after which a request is to blame. A part of such a request needs one, as it
 * only leads to smaller parts. A text alone is judged strictly.
 */
const BLAME_AFTER = { whole: 3, part: 1, alone: 3 };

/** The same once a text has been found that the server cannot embed, so that the next one is found in a tenth of the time. */
const EXPERIENCED = { whole: 1, part: 1, alone: 2 };

/** How a request ended. */
type Outcome =
  /** The vectors are in the window, but for texts whose vectors are unusable: row to what is wrong. */
  | { readonly kind: "embedded"; readonly tokens: number; readonly unusable: ReadonlyMap<number, string> }
  /** The request is too large, in the server's words. */
  | { readonly kind: "too large"; readonly words: string }
  /** The server refuses the request for another reason, or fails over it. */
  | { readonly kind: "refused" | "failed"; readonly words: string };

/** A window whose vectors are still arriving. */
interface OpenWindow {
  /** The texts as they are sent; a text that is too long gets shorter. */
  readonly inputs: string[];
  readonly vectors: Float32Array;
  readonly directed: Uint8Array;
  readonly truncated: Uint8Array;
  readonly refused: RefusedInput[];
  tokens: number;
}

/**
 * Embeds through a server that has proved to work. A request that the server cannot answer is halved until the text is
 * alone that is to blame. That text is refused, once the server has answered the probe again; if the probe fails too,
 * the server is to blame and the window rejects.
 */
export class EndpointEmbedder {
  readonly #requests: EndpointRequests;
  readonly #address: EndpointAddress;
  readonly #served: ServedModel;
  readonly #note: (message: string) => void;
  readonly #url: URL;
  /** Number of characters up to which a text is certainly either embedded whole or refused. */
  readonly #safe: number;
  #bounds: RequestBounds;
  /** Whether the user knows already that the server may cut texts without telling. */
  #doubted = false;
  /** Whether some text was refused already. */
  #experienced = false;
  /** Whether the user knows already that some request was split for another reason than its size. */
  #split = false;

  /** @param options.requests to the server; a window that rejects ends them */
  constructor(options: {
    requests: EndpointRequests;
    address: EndpointAddress;
    served: ServedModel;
    note: (message: string) => void;
  }) {
    const { requests, address, served, note } = options;
    this.#requests = requests;
    this.#address = address;
    this.#served = served;
    this.#note = note;
    this.#url = address.at(served.base, "embeddings");
    this.#safe = certainChars(served.longTexts);
    this.#bounds = firstBounds(served);
  }

  /**
   * Embeds a window, see `Embedder.embed`.
   * @throws UnavailableError if the server is given up; then every other window rejects too
   */
  async embed(texts: readonly string[]): Promise<WindowVectors> {
    const { dim } = this.#served;
    const inputs: string[] = new Array(texts.length);
    const members: number[] = [];
    for (let row = 0; row < texts.length; row++) {
      // Python cannot encode half a surrogate pair, and servers answer with status 500.
      inputs[row] = texts[row].replace(/\p{Surrogate}/gu, "\ufffd");
      // A text of white space has no direction, and several servers refuse a whole request because of it.
      if (/\S/.test(inputs[row])) members.push(row);
    }
    const window: OpenWindow = {
      inputs,
      vectors: new Float32Array(texts.length * dim),
      directed: new Uint8Array(texts.length),
      truncated: new Uint8Array(texts.length),
      refused: [],
      tokens: 0,
    };
    try {
      await Promise.all(planRequests(inputs, members, this.#bounds).map((plan) => this.#embed(plan, window)));
    } catch (error) {
      this.#requests.fail(error as Error);
      throw error;
    }
    const { vectors, directed, truncated, tokens } = window;
    const refused = window.refused.sort((a, b) => a.index - b.index);
    return { vectors, directed, truncated, refused, tokens, paddedTokens: tokens };
  }

  /**
   * Embeds the texts at `members` with as many requests as necessary.
   * @param suspect true if a larger request with these texts has failed
   */
  async #embed(members: readonly number[], window: OpenWindow, suspect = false): Promise<void> {
    // The run ends anyway.
    if (window.refused.length > MOST_REFUSED) return;
    const outcome = await this.#send(members, window, suspect);
    const [row] = members;
    const single = members.length === 1;
    if (outcome.kind === "embedded") {
      this.#noteCuts(members, window, outcome.tokens);
      for (const [bad, words] of outcome.unusable) {
        // Alone the text may get a vector: a server can spoil some vectors of a batch by padding.
        if (single) await this.#refuse(bad, window, words);
        else await this.#embed([bad], window);
      }
    } else if (single && outcome.kind === "too large") {
      await this.#shorten(row, window, outcome.words);
    } else if (single && (suspect || outcome.kind === "refused")) {
      await this.#refuse(row, window, outcome.words);
    } else if (single) {
      await this.#embed(members, window, true);
    } else {
      const half = Math.ceil(members.length / 2);
      const halves = [members.slice(0, half), members.slice(half)];
      if (outcome.kind === "too large") {
        await Promise.all(halves.map((part) => this.#embed(part, window)));
        return;
      }
      // A server that refuses everything is not asked text by text.
      if (outcome.kind === "refused") await this.#requests.call(probeCall(this.#address, this.#served));
      this.#noteSplit(members.length, outcome.words);
      // One half after the other, so that the search ends soon after too many texts are refused.
      for (const part of halves) await this.#embed(part, window, outcome.kind === "failed");
    }
  }

  /** Sends one request and writes the vectors to the rows of the window. */
  #send(members: readonly number[], window: OpenWindow, suspect: boolean): Promise<Outcome> {
    const { name, encoding } = this.#served;
    const alone = suspect && members.length === 1;
    const part = alone ? "alone" : suspect ? "part" : "whole";
    return this.#requests.call<Outcome>({
      url: this.#url,
      body: () =>
        embeddingsBody(
          name,
          members.map((member) => window.inputs[member]),
          encoding,
        ),
      read: (answer) => (answer.status === 200 ? this.#take(answer, members, window) : this.#refusal(answer, members)),
      blame: {
        after: () => (this.#experienced ? EXPERIENCED : BLAME_AFTER)[part],
        eager: () => suspect || this.#experienced,
        result: (words) => ({ kind: "failed", words }),
      },
      // No other request can be the reason why this one fails.
      alone,
    });
  }

  /** Takes the vectors of an answer into the window. */
  #take({ body }: HttpAnswer, members: readonly number[], window: OpenWindow): Outcome {
    const { name, dim, countsTokens } = this.#served;
    try {
      const { vectors, faults, tokens } = readEmbeddings(body, members.length, name);
      const unusable = new Map<number, string>();
      for (const [i, row] of members.entries()) {
        const fault = faults.get(i);
        if (fault !== undefined) unusable.set(row, fault);
        else if (vectors[i].length !== dim) {
          throw new UnavailableError(
            `model ${name} returned a vector of ${vectors[i].length} dimensions after others of ${dim}; is more than one model behind ${this.#address.shown}?`,
          );
        } else if (normaliseInto(vectors[i], 0, window.vectors, row * dim, dim, name)) window.directed[row] = 1;
      }
      if (countsTokens) window.tokens += tokens;
      return { kind: "embedded", tokens, unusable };
    } catch (error) {
      if (!(error instanceof UnusableAnswerError)) throw error;
      return { kind: "refused", words: this.#address.redact(error.message) };
    }
  }

  /** Reads an answer that refuses the request. A refused number of texts bounds the requests that follow. */
  #refusal(answer: HttpAnswer, members: readonly number[]): Outcome {
    const words = this.#address.redact(answerText(answer.body));
    if (!refusesSize(answer)) return { kind: "refused", words: `status ${answer.status} ${words}`.trim() };
    const halved = Math.ceil(members.length / 2);
    if (refusesCount(answer) && halved < this.#bounds.texts) this.#bounds = { ...this.#bounds, texts: halved };
    return { kind: "too large", words };
  }

  /** Cuts a text that is too long and embeds it. */
  async #shorten(row: number, window: OpenWindow, words: string): Promise<void> {
    const length = shorterLength(window.inputs[row], words);
    if (length < 1) return this.#refuse(row, window, words);
    window.inputs[row] = window.inputs[row].slice(0, length);
    window.truncated[row] = 1;
    await this.#embed([row], window);
  }

  /**
   * Refuses a text that the server cannot embed although nothing else is wrong with the server.
   * @throws UnavailableError if the server does not embed the word of the probe either
   */
  async #refuse(row: number, window: OpenWindow, words: string): Promise<void> {
    await this.#requests.call(probeCall(this.#address, this.#served));
    window.truncated[row] = 0;
    this.#experienced = true;
    window.refused.push({ index: row, error: `the server does not embed the text: ${words}` });
  }

  /** Tells once why requests get smaller. */
  #noteSplit(texts: number, words: string): void {
    if (this.#split) return;
    this.#split = true;
    this.#note(
      `${this.#address.shown} does not embed ${texts} texts at once (${words}); looking for the text that is to blame`,
    );
  }

  /** Counts a text that the server has cut, as far as its count of tokens shows that. */
  #noteCuts(members: readonly number[], window: OpenWindow, tokens: number): void {
    const { longTexts } = this.#served;
    const { inputs } = window;
    if (longTexts.kind === "cut") {
      const [row] = members;
      if (inputs[row].length > this.#safe && tokens >= longTexts.tokens) window.truncated[row] = 1;
    } else if (!this.#doubted && members.some((member) => inputs[member].length > this.#safe)) {
      this.#doubted = true;
      this.#note(
        `${this.#address.shown} does not tell how long a text may be: it may cut those of more than ${this.#safe} characters, which "truncated" does not count`,
      );
    }
  }
}
