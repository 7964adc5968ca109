/** Colours of clusters, told apart by most people with a weak sense of colour too; more clusters repeat them. */
const LIGHT = [
  "#3b6ea8",
  "#c8643c",
  "#4f8a4b",
  "#8a5aa3",
  "#b08a1e",
  "#2f8c8c",
  "#b8496b",
  "#6b6f2a",
  "#5b5fc7",
  "#94562f",
];
const DARK = [
  "#7fb0e6",
  "#f0976f",
  "#8ccb86",
  "#c79ade",
  "#e0bd57",
  "#6fcaca",
  "#ee8fac",
  "#b7bc6a",
  "#a3a6f5",
  "#d39a70",
];

/** Colour of a cluster as CSS has it. */
export function clusterColour(cluster: number, dark: boolean): string {
  const palette = dark ? DARK : LIGHT;
  return palette[cluster % palette.length];
}

/**
 * Colours of the points: red, green, blue and opacity, 4 × n bytes. Points outside the selection fade.
 * @param clusters cluster + 1 of each point, 0 for none
 */
export function pointColours(clusters: Uint32Array, selected: ((point: number) => boolean) | undefined, dark: boolean) {
  const bytes = new Uint8Array(4 * clusters.length);
  const palette = (dark ? DARK : LIGHT).map((hex) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)));
  const none = dark ? [150, 150, 150] : [120, 120, 120];
  const opacity = clusters.length > 20_000 ? 150 : 200;
  // Where points lie dense, faint ones add up; few ones would vanish.
  const faded = clusters.length > 20_000 ? 28 : clusters.length > 2000 ? 45 : 90;
  for (let i = 0; i < clusters.length; i++) {
    const chosen = selected === undefined || selected(i);
    bytes.set(
      chosen && clusters[i] > 0
        ? palette[(clusters[i] - 1) % palette.length]
        : chosen && clusters[i] === 0
          ? palette[0]
          : none,
      4 * i,
    );
    bytes[4 * i + 3] = selected === undefined ? opacity : chosen ? 230 : faded;
  }
  return bytes;
}
