// performance.now() and timeOrigin (High Resolution Time).

import { host } from "../host";

const origin = Math.floor(host.now()); // a whole number, as stopped time is: differences are exact then
const timeOrigin = Date.now();

export const performance = {
    timeOrigin,
    now: (): number => host.now() - origin,
    toJSON: (): object => ({ timeOrigin }),
};
Object.defineProperty(performance, Symbol.toStringTag, { value: "Performance", configurable: true });
