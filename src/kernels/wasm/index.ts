export { dotsBelow } from "./dots";
export { scanRows, spreadStrip, widenRows } from "./strips";
