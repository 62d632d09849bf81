// FormData as a body: multipart/form-data (RFC 7578) and application/x-www-form-urlencoded.

import { host } from "../host";
import type { Extracted } from "./body";
import { streams } from "./streams";

interface FileLike {
    readonly name?: string;
    readonly type: string;
    arrayBuffer(): Promise<ArrayBuffer>;
}

export interface FormLike extends Iterable<[name: string, value: string | FileLike]> {
    append(name: string, value: unknown, filename?: string): void;
}

const scope = globalThis as unknown as {
    File?: new (parts: unknown[], name: string, options: { type: string }) => FileLike;
    URLSearchParams: new (text: string) => Iterable<[string, string]>;
};

function boundaryText(): string {
    const bytes = new Uint8Array(host.randomBytes(16));
    return `----dgate${Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("")}`;
}

function quote(text: string): string {
    return text.replace(/\r\n?|\n/g, "%0D%0A").replace(/"/g, "%22");
}

function partHead(boundary: string, name: string, value: string | FileLike): string {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${quote(name)}"`;
    if (typeof value === "string") return `${head}\r\n\r\n`;
    const type = value.type === "" ? "application/octet-stream" : value.type;
    return `${head}; filename="${quote(value.name ?? "blob")}"\r\nContent-Type: ${type}\r\n\r\n`;
}

export function encodeForm(form: FormLike): Extracted {
    const boundary = boundaryText();
    const type = `multipart/form-data; boundary=${boundary}`;
    const parts: (string | FileLike)[] = [];
    for (const [name, value] of form) {
        const text = typeof value === "string" ? value.replace(/\r\n?|\n/g, "\r\n") : value;
        parts.push(partHead(boundary, name, value), text, "\r\n");
    }
    parts.push(`--${boundary}--\r\n`);
    if (parts.every((p) => typeof p === "string")) return { content: parts.join(""), type };
    const { ReadableStream } = streams();
    let next = 0;
    const content = new ReadableStream<unknown>(
        {
            async pull(controller) {
                const part = parts[next++];
                if (part === undefined) controller.close();
                else controller.enqueue(new Uint8Array(typeof part === "string" ? host.encode(part) : await part.arrayBuffer()));
            },
        },
        { highWaterMark: 0 },
    );
    return { content, type };
}

// One character for each byte.
function binary(bytes: Uint8Array): string {
    let out = "";
    for (let i = 0; i < bytes.length; i += 8192) out += String.fromCharCode(...bytes.subarray(i, i + 8192));
    return out;
}

// A parameter of a header's value: plain or in quotes, as browsers write it.
function parameter(value: string, name: string): string | undefined {
    const match = new RegExp(`;\\s*${name}=(?:"([^"]*)"|([^;\\s]*))`, "i").exec(value);
    return match === null ? undefined : (match[1] ?? match[2]);
}

function utf8(text: string): string {
    return host.decode(Uint8Array.from(text, (c) => c.charCodeAt(0)), false) as string;
}

function unquote(text: string): string {
    return utf8(text.replace(/%0D%0A/gi, "\r\n").replace(/%22/g, '"'));
}

function header(head: string, name: string): string {
    const line = head.split("\r\n").find((l) => l.toLowerCase().startsWith(`${name}:`));
    return line === undefined ? "" : line.slice(name.length + 1).trim();
}

function addPart(form: FormLike, head: string, bytes: Uint8Array): void {
    const disposition = header(head, "content-disposition");
    const name = parameter(disposition, "name");
    if (!/^form-data\b/i.test(disposition) || name === undefined) throw new TypeError("a part of the form has no name");
    const filename = parameter(disposition, "filename");
    if (filename === undefined) {
        form.append(unquote(name), host.decode(bytes, false));
        return;
    }
    if (scope.File === undefined) throw new TypeError("there is no File here");
    const type = header(head, "content-type") || "text/plain";
    form.append(unquote(name), new scope.File([bytes.slice()], unquote(filename), { type }));
}

function parseMultipart(boundary: string, bytes: Uint8Array, form: FormLike): void {
    const text = `\r\n${binary(bytes)}`; // one offset of 2 for all
    const mark = `\r\n--${boundary}`;
    let at = text.indexOf(mark);
    for (;;) {
        if (at < 0) throw new TypeError("the form is not complete");
        at += mark.length;
        if (text.startsWith("--", at)) return;
        const headEnd = text.indexOf("\r\n\r\n", at);
        const end = headEnd < 0 ? -1 : text.indexOf(mark, headEnd + 2);
        if (end < 0) throw new TypeError("the form is not complete");
        addPart(form, text.slice(at + 2, headEnd), bytes.subarray(headEnd + 2, Math.max(end - 2, headEnd + 2)));
        at = end;
    }
}

export function parseForm(type: string, bytes: Uint8Array, form: FormLike): FormLike {
    if (/^application\/x-www-form-urlencoded\s*(;|$)/i.test(type)) {
        const text = host.decode(bytes, false) as string;
        for (const [name, value] of new scope.URLSearchParams(text)) form.append(name, value);
        return form;
    }
    const boundary = /^multipart\/form-data\s*;/i.test(type) ? parameter(type, "boundary") : undefined;
    if (boundary === undefined) throw new TypeError(`a body of type "${type}" is no form`);
    parseMultipart(boundary, bytes, form);
    return form;
}
