/** Places for work under way. Whoever waits gets a place in the order of asking. */
export interface Places {
  /** Waits for one place, or for all of them if `alone` (false): then nothing else is under way. */
  enter(alone?: boolean): Promise<void>;
  /** Gives the places back that `enter` gave for the same value of `alone`. */
  leave(alone?: boolean): void;
  /** Lets everybody in who waits, when the work has ended and only its end is to be told. */
  open(): void;
}

/** Creates `count` free places. */
export function createPlaces(count: number): Places {
  let taken = 0;
  let waiting: { readonly wanted: number; readonly enter: () => void }[] = [];
  const admit = () => {
    while (waiting.length > 0 && taken + waiting[0].wanted <= count) {
      const [{ wanted, enter }] = waiting.splice(0, 1);
      taken += wanted;
      enter();
    }
  };
  return {
    enter(alone = false) {
      return new Promise<void>((enter) => {
        waiting.push({ wanted: alone ? count : 1, enter });
        admit();
      });
    },
    leave(alone = false) {
      taken -= alone ? count : 1;
      admit();
    },
    open() {
      for (const { enter } of waiting) enter();
      waiting = [];
    },
  };
}
