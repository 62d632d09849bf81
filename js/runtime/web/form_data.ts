// FormData (XMLHttpRequest standard, section 5), and forms as bodies: multipart/form-data (RFC 7578) and
// application/x-www-form-urlencoded.

import { utf8, viewOf } from "../bytes";
import { Encoding, host } from "../host";
import { Blob, blobBytes, blobType, File } from "./blob";
import { URLSearchParams } from "./search_params";

export type FormDataValue = string | File;
type Entry = [name: string, value: FormDataValue];

// A string without surrogates that are not in pairs.
const scalar = (value: unknown): string => (String(value) as string & { toWellFormed(): string }).toWellFormed();

function entry(args: unknown[], what: string): Entry {
    if (args.length < 2) throw new TypeError(`${what}() takes a name and a value`);
    const [name, value, filename] = args;
    if (!(value instanceof Blob)) {
        if (args.length > 2 && filename !== undefined) throw new TypeError("only a Blob or File has a file name");
        return [scalar(name), scalar(value)];
    }
    if (value instanceof File && filename === undefined) return [scalar(name), value];
    const { type } = value;
    const lastModified = value instanceof File ? value.lastModified : undefined;
    return [scalar(name), new File([value], filename === undefined ? "blob" : scalar(filename), { type, lastModified })];
}

function required(args: unknown[], what: string): string {
    if (args.length === 0) throw new TypeError(`${what}() takes a name`);
    return scalar(args[0]);
}

export class FormData {
    #entries: Entry[] = [];

    constructor(form?: unknown) {
        if (form !== undefined) throw new TypeError("FormData() takes no form");
    }

    append(...args: unknown[]): void {
        this.#entries.push(entry(args, "append"));
    }

    set(...args: unknown[]): void {
        const made = entry(args, "set");
        const at = this.#entries.findIndex(([name]) => name === made[0]);
        if (at < 0) this.#entries.push(made);
        else this.#entries = this.#entries.filter(([name], i) => i <= at || name !== made[0]).with(at, made);
    }

    delete(...args: unknown[]): void {
        const name = required(args, "delete");
        this.#entries = this.#entries.filter((e) => e[0] !== name);
    }

    get(...args: unknown[]): FormDataValue | null {
        const name = required(args, "get");
        return this.#entries.find((e) => e[0] === name)?.[1] ?? null;
    }

    getAll(...args: unknown[]): FormDataValue[] {
        const name = required(args, "getAll");
        return this.#entries.filter((e) => e[0] === name).map((e) => e[1]);
    }

    has(...args: unknown[]): boolean {
        const name = required(args, "has");
        return this.#entries.some((e) => e[0] === name);
    }

    // What changes during an iteration is seen by it.
    *entries(): IterableIterator<Entry> {
        for (let i = 0; i < this.#entries.length; i++) {
            const [name, value] = this.#entries[i] as Entry;
            yield [name, value];
        }
    }

    *keys(): IterableIterator<string> {
        for (const [name] of this.entries()) yield name;
    }

    *values(): IterableIterator<FormDataValue> {
        for (const [, value] of this.entries()) yield value;
    }

    forEach(callback: (value: FormDataValue, name: string, form: FormData) => void, self?: unknown): void {
        if (typeof callback !== "function") throw new TypeError("forEach() takes a function");
        for (const [name, value] of this.entries()) callback.call(self, value, name, this);
    }

    [Symbol.iterator](): IterableIterator<Entry> {
        return this.entries();
    }
}

// --- multipart/form-data ---

const newlines = (text: string): string => text.replace(/\r\n?|\n/g, "\r\n");
const escape = (text: string): string => text.replace(/\r/g, "%0D").replace(/\n/g, "%0A").replace(/"/g, "%22");

// The body that a form makes, and the Content-Type that says how.
export function formDataToBytes(form: FormData): { bytes: Uint8Array; contentType: string } {
    const boundary = `----dgate-form-${host.encodeBytes(host.randomBytes(16), Encoding.Hex)}`;
    const parts: (string | Blob)[] = [];
    for (const [name, value] of form) {
        parts.push(`--${boundary}\r\nContent-Disposition: form-data; name="${escape(newlines(name))}"`);
        if (typeof value === "string") parts.push("\r\n\r\n", newlines(value));
        else {
            const type = blobType(value) || "application/octet-stream";
            parts.push(`; filename="${escape(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`, value);
        }
        parts.push("\r\n");
    }
    parts.push(`--${boundary}--\r\n`);
    return { bytes: blobBytes(new Blob(parts)), contentType: `multipart/form-data; boundary=${boundary}` };
}

const malformed = (why: string): TypeError => new TypeError(`the body is not multipart/form-data: ${why}`);
const unescape = (text: string): string =>
    text.replace(/%0A/gi, "\n").replace(/%0D/gi, "\r").replace(/%22/g, '"');

interface Head {
    name: string;
    filename: string | undefined;
    type: string;
}

// The parameters of a Content-Disposition: quoted strings, in which the form standard's escapes stand, or tokens.
function parameters(text: string): Map<string, string> {
    const found = new Map<string, string>();
    const next = /[ \t]*;[ \t]*([^\s=;"]+)=(?:"([^"]*)"|([^\s;"]*))/gy;
    for (let p = next.exec(text); p !== null; p = next.exec(text))
        found.set((p[1] as string).toLowerCase(), unescape(p[2] ?? (p[3] as string)));
    return found;
}

function parseHead(text: string): Head {
    const fields = new Map<string, string>();
    for (const line of text.split("\r\n")) {
        const colon = line.indexOf(":");
        if (colon < 1) throw malformed("a line of a part's head is not a field");
        fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, ""));
    }
    const disposition = /^form-data(.*)$/is.exec(fields.get("content-disposition") ?? "");
    const given = parameters(disposition?.[1] ?? "");
    const name = given.get("name");
    if (name === undefined) throw malformed("a part has no name");
    const filename = given.get("filename");
    return { name, filename, type: fields.get("content-type") ?? "text/plain" };
}

const [CR, LF, DASH] = [13, 10, 45];
const BLANK_LINE = viewOf("\r\n\r\n");

function parseMultipart(body: Uint8Array, boundary: string): FormData {
    const form = new FormData();
    const delimiter = viewOf(`\r\n--${boundary}`);
    // The first one may be where the body begins.
    const isFirst = host.findBytes(body, delimiter.subarray(2), 0) === 0;
    let at = isFirst ? delimiter.length - 2 : host.findBytes(body, delimiter, 0) + delimiter.length;
    if (!isFirst && at < delimiter.length) throw malformed("the boundary is not there");
    for (;;) {
        if (body[at] === DASH && body[at + 1] === DASH) return form;
        if (body[at] !== CR || body[at + 1] !== LF) throw malformed("a boundary is not followed by a line end");
        const blank = host.findBytes(body, BLANK_LINE, at);
        const end = blank < 0 ? -1 : host.findBytes(body, delimiter, blank + 2);
        if (end < 0) throw malformed("the last boundary is missing");
        const head = parseHead(host.decode(body.subarray(at + 2, blank), false) as string);
        const content = body.subarray(Math.min(blank + 4, end), end);
        const { name, filename, type } = head;
        form.append(name, filename === undefined ? utf8(content) : new File([content], filename, { type }));
        at = end + delimiter.length;
    }
}

function parseUrlencoded(body: Uint8Array): FormData {
    const form = new FormData();
    // A leading "?" belongs to the first name here.
    const text = utf8(body);
    const params = new URLSearchParams(text.startsWith("?") ? `?${text}` : text);
    for (const [name, value] of params) form.append(name, value);
    return form;
}

// The form in a body of that Content-Type. Throws a TypeError when there is none.
export function parseFormData(body: Uint8Array | ArrayBuffer, contentType: string): FormData {
    const bytes = body instanceof ArrayBuffer ? new Uint8Array(body) : body;
    const essence = /^\s*([^;\s]*)/.exec(contentType)?.[1]?.toLowerCase();
    if (essence === "application/x-www-form-urlencoded") return parseUrlencoded(bytes);
    if (essence !== "multipart/form-data")
        throw new TypeError(`a body of the type "${contentType.slice(0, 100)}" is not a form`);
    const found = /;\s*boundary=(?:"([^"]*)"|([^\s;"]+))/i.exec(contentType);
    const boundary = found?.[1] ?? found?.[2] ?? "";
    if (boundary === "" || boundary.length > 70) throw malformed("the boundary has 1 to 70 characters");
    return parseMultipart(bytes, boundary);
}
