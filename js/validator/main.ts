// Runs inside JavaScriptCore in a compiler process of its own: JSON Schema. src/script/compiler.c hands one request at
// a time to dgateValidate() and sends back what it returns (src/script/compiler.h has the shapes).

import Ajv, { type ErrorObject, type Options, type ValidateFunction } from "ajv";
import Ajv2020 from "ajv/dist/2020";
import addFormats from "ajv-formats";

declare const globalThis: { dgateValidate: (request: string) => string };

interface Problem {
    document?: number; // its index; absent: the schema
    text: string;
}

interface ValidateRequest {
    id: number;
    schema: unknown;
    documents: unknown[];
}

type Compiled = { validate: ValidateFunction } | { problems: Problem[] };

const KEPT_MAX = 200; // schemas
const PROBLEMS_MAX = 50;

const OPTIONS: Options = { strict: false, allErrors: true, logger: false, validateSchema: false };

// By the schema's text, the one that was used last at the end.
const kept = new Map<string, Compiled>();

function makeAjv(schema: unknown): Ajv {
    const dialect = (schema as { $schema?: unknown } | null)?.$schema;
    if (dialect === undefined || /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/.test(String(dialect)))
        return new Ajv(OPTIONS);
    if (/^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/.test(String(dialect))) return new Ajv2020(OPTIONS);
    throw new Error(
        `$schema must be "http://json-schema.org/draft-07/schema#" or "https://json-schema.org/draft/2020-12/schema"`,
    );
}

// What a message does not say by itself.
function detail(e: ErrorObject): string {
    const params = e.params as Record<string, unknown>;
    if (e.keyword === "additionalProperties") return `: ${JSON.stringify(params.additionalProperty)}`;
    if (e.keyword === "unevaluatedProperties") return `: ${JSON.stringify(params.unevaluatedProperty)}`;
    if (e.keyword === "enum") return `: ${JSON.stringify(params.allowedValues).slice(0, 200)}`;
    if (e.keyword === "const") return `: ${JSON.stringify(params.allowedValue).slice(0, 200)}`;
    return "";
}

function describe(root: string, errors: ErrorObject[] | null | undefined): string[] {
    const texts = (errors ?? []).map((e) => `${root}${e.instancePath} ${e.message ?? "is not valid"}${detail(e)}`);
    return [...new Set(texts)].slice(0, PROBLEMS_MAX);
}

function compile(schema: unknown): Compiled {
    try {
        const ajv = makeAjv(schema);
        addFormats(ajv);
        if (ajv.validateSchema(schema as object) !== true)
            return { problems: describe("schema", ajv.errors).map((text) => ({ text })) };
        return { validate: ajv.compile(schema as object) };
    } catch (error) {
        const text = error instanceof RangeError ? "it is nested too deeply" : (error as Error).message;
        return { problems: [{ text: `schema: ${text}` }] };
    }
}

function compiled(schema: unknown): Compiled {
    const text = JSON.stringify(schema);
    const found = kept.get(text) ?? compile(schema);
    kept.delete(text);
    kept.set(text, found);
    if (kept.size > KEPT_MAX) for (const oldest of kept.keys()) return kept.delete(oldest), found;
    return found;
}

function check(validate: ValidateFunction, data: unknown, index: number): Problem[] {
    if (validate(data) === true) return [];
    return describe("data", validate.errors).map((text) => ({ document: index, text }));
}

globalThis.dgateValidate = (text) => {
    const request = JSON.parse(text) as ValidateRequest;
    const problems: Problem[] = [];
    const schema = compiled(request.schema);
    if ("problems" in schema) problems.push(...schema.problems);
    else
        for (let i = 0; i < request.documents.length && problems.length < PROBLEMS_MAX; i++)
            problems.push(...check(schema.validate, request.documents[i], i));
    return JSON.stringify({ id: request.id, ok: true, problems });
};
