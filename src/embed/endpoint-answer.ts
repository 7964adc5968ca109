import { UnavailableError } from "../errors.js";
import type { HttpAnswer } from "./endpoint-http.js";
import { normaliseInto } from "./normalise.js";
