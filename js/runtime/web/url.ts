// URL and URLSearchParams: core-js's.

import { polyfill, without } from "./load";

declare function require(name: string): unknown;

// It would put its own around what takes URLSearchParams as a body; ours know them.
const found = without(["fetch", "Headers", "Request"], () =>
    polyfill(["URL", "URLSearchParams"], () => {
        require("core-js/web/url");
        require("core-js/web/url-search-params");
    }),
);

export const { URL, URLSearchParams } = found;
