export { encodeRows, transposeCodes } from "./codes";
export { dotsBelow } from "./dots";
export { scanRows, spreadStrip, widenRows } from "./strips";
