export { loosen, measureNear, measureOwn, rankScores } from "./bounds";
export { encodeRows, transposeCodes } from "./codes";
export { dotsBelow } from "./dots";
export { moveRows, squaredDistances, squaredNorms } from "./rows";
export { scanRows, spreadStrip, widenRows } from "./strips";
