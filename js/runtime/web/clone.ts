// structuredClone(): core-js's.

import { polyfill } from "./load";

declare function require(name: string): unknown;

export const { structuredClone } = polyfill(["structuredClone"], () => require("core-js/web/structured-clone"));
