// A route's modules: instantiated once, linked by name, CommonJS inside.

import { drain } from "./budget";
import { builtins, type MakeBuiltin } from "./builtins";
import { FETCH_URL, FUNCTIONS, makeChains, type Entry, type Link } from "./chain";
import { makeConsole, type Console } from "./console";
import { entriesOf } from "./entries";
import { addSource, describeLine, GatewayError, removeSource } from "./errors";
import { host } from "./host";

type Wrapper = (
    this: unknown,
    exports: unknown,
    require: (name: string) => unknown,
    module: { exports: unknown },
    console: Console,
) => void;

interface Import {
    name: string;
    line: number;
    column: number;
}

interface Unit {
    name: string;
    url: string;
    wrapper: Wrapper;
    imports: Import[];
    console: Console;
    isScript: boolean;
    readsBody: boolean; // the upstream's, maybe
    module?: { exports: Record<string, unknown> };
}

// "./b" seen from "lib/a" is "lib/b"; anything else is a name as it stands.
function resolveName(from: string, name: string): string {
    if (!/^\.\.?\//.test(name)) return name;
    const out = from.split("/").slice(0, -1);
    for (const part of name.split("/"))
        if (part === "..") {
            if (out.length === 0 || out[out.length - 1] === "..") out.push("..");
            else out.pop();
        } else if (part !== "." && part !== "") out.push(part);
    return out.join("/");
}

// Names that no module of a route stands in for.
function isOurs(name: string): boolean {
    return name === "dgate" || name.startsWith("dgate/") || name.startsWith("node:");
}

export class Program {
    chains: Link[][] = [];
    readonly #units: Unit[] = [];
    #loading: Unit | undefined; // whose top-level code runs, while linking
    #isLinking = false;

    add(
        name: string,
        url: string,
        wrapper: Wrapper,
        mappings: string,
        imports: string,
        flavour: string,
        readsBody: boolean,
    ): void {
        addSource(url, { name, mappings });
        this.#units.push({
            name,
            url,
            wrapper,
            imports: JSON.parse(imports) as Import[],
            console: makeConsole(name),
            isScript: flavour === "dgate2",
            readsBody,
        });
    }

    drop(): void {
        for (const u of this.#units) removeSource(u.url);
    }

    #find(from: Unit, name: string): Unit | undefined {
        const wanted = resolveName(from.name, name);
        const bare = wanted.replace(/\.[jt]s$/, "");
        for (const candidate of [wanted, bare, `${bare}.ts`, `${bare}.js`]) {
            const found = this.#units.find((u) => u.name === candidate);
            if (found !== undefined) return found;
        }
        return undefined;
    }

    #builtin(from: Unit, name: string): MakeBuiltin | undefined {
        if (!isOurs(name) && this.#find(from, name) !== undefined) return undefined;
        return builtins[name.replace(/^node:/, "")];
    }

    #require(from: Unit, name: string): unknown {
        const make = this.#builtin(from, name);
        if (make !== undefined) return make(from.name, from.console);
        const found = this.#find(from, name);
        if (found === undefined) throw new GatewayError(`"${name}" is not a module of this route`);
        return this.#instance(found);
    }

    #instance(unit: Unit): Record<string, unknown> {
        if (unit.module === undefined) {
            unit.module = { exports: {} };
            const { module } = unit;
            const outer = this.#loading;
            this.#load(unit);
            try {
                const require = (name: string) => this.#require(unit, String(name));
                unit.wrapper.call(globalThis, module.exports, require, module, unit.console);
            } catch (error) {
                delete unit.module;
                throw error;
            } finally {
                if (outer !== undefined) this.#load(outer);
            }
        }
        return unit.module.exports;
    }

    // For who is told when a limit ends it.
    #load(unit: Unit): void {
        if (!this.#isLinking) return; // the function that requires it has the limit
        this.#loading = unit;
        host.load(this.#units.indexOf(unit));
    }

    #missing(): string | undefined {
        for (const unit of this.#units)
            for (const i of unit.imports)
                if (this.#find(unit, i.name) === undefined && this.#builtin(unit, i.name) === undefined) {
                    const has = this.#units.filter((u) => !isOurs(u.name)).map((u) => `"${u.name}"`).join(", ");
                    return `${unit.name}:${i.line}:${i.column}: "${i.name}" is not a module of this route (it has ${has})`;
                }
        return undefined;
    }

    // The modules of the route that it imports.
    #imported(unit: Unit): Unit[] {
        const found = unit.imports.map((i) => (this.#builtin(unit, i.name) ? undefined : this.#find(unit, i.name)));
        return found.filter((u) => u !== undefined);
    }

    // Returns a set of bits, one for each function that there is, followed by the module of each chain's first function;
    // or what is wrong.
    link(): number[] | string {
        const missing = this.#missing();
        if (missing !== undefined) return missing;
        this.#isLinking = true;
        const linked = this.#linkEntries();
        this.#isLinking = false;
        return linked;
    }

    #linkEntries(): number[] | string {
        const found: Entry[] = [];
        const entries = entriesOf(this.#units, (u) => this.#imported(u));
        const libraryReads = this.#units.some((u) => u.readsBody && !entries.includes(u));
        for (const unit of entries) {
            let exports: unknown;
            try {
                this.#loading = undefined;
                exports = this.#instance(unit);
                drain(); // promises of its top-level code
            } catch (error) {
                const text = describeLine(error);
                return text.startsWith(`${unit.name}:`) ? text : `${unit.name}: ${text}`;
            }
            if (exports === null || (typeof exports !== "object" && typeof exports !== "function")) continue;
            const own = exports as Record<string, unknown>;
            for (const name of [...FUNCTIONS, FETCH_URL]) {
                const value = own[name];
                if (value !== undefined && value !== null && typeof value !== "function")
                    return `${unit.name}: ${name} is exported but is not a function`;
            }
            found.push({
                module: this.#units.indexOf(unit),
                name: unit.name,
                isScript: unit.isScript,
                readsBody: unit.readsBody || libraryReads,
                exports: own,
            });
        }
        this.chains = makeChains(found);
        const bits = this.chains.reduce((all, chain, kind) => (chain.length > 0 ? all | (1 << kind) : all), 0);
        return [bits, ...this.chains.map((chain) => chain[0]?.module ?? 0)];
    }
}
