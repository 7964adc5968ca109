export { encodeRows, transposeCodes } from "./codes";
export { dotsBelow } from "./dots";
export { loosen } from "./loosen";
export { measureNear, measureOwn } from "./measure";
export { rankScores } from "./rank-scores";
export { moveRows, squaredDistances, squaredNorms } from "./rows";
export { scanRows, spreadStrip, widenRows } from "./strips";
