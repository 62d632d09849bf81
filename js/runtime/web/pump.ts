// A body that a module makes, on its way to the client: read as the client has room.

import { addWaiting, removeWaiting, type Waiting } from "../current";
import { settled } from "../budget";
import { describeLine } from "../errors";
import { host } from "../host";

// What a piece is at most; a larger chunk goes in several.
const PIECE = 65536;

// Where the bytes come from.
export interface Source {
    read(): Promise<{ done: boolean; value?: unknown }>;
    cancel(reason: unknown): Promise<unknown> | void;
}

class Pump implements Waiting {
    #room = 0;
    #reading = false;
    #over = false;
    #chunk: Uint8Array | undefined;
    #at = 0;
    ticket = 0;

    constructor(
        private readonly handle: number,
        private readonly source: Source,
    ) {}

    // The client has room.
    settle(room: unknown): void {
        this.#room = room as number;
        this.#go();
    }

    // Nobody wants it any more.
    fail(text: string): void {
        this.#stop(new Error(text));
    }

    #stop(reason: unknown): void {
        if (this.#over) return;
        this.#over = true;
        removeWaiting(this.handle, this.ticket);
        this.#cancel(reason);
    }

    #cancel(reason: unknown): void {
        try {
            const cancelled = this.source.cancel(reason);
            if (cancelled !== undefined) settled(cancelled, nothing, nothing);
        } catch {
            // there is nobody to tell
        }
    }

    #end(error: string | undefined): void {
        if (this.#over) return;
        this.#over = true;
        removeWaiting(this.handle, this.ticket);
        host.streamEnd(this.handle, error);
    }

    #write(): void {
        const chunk = this.#chunk as Uint8Array;
        const piece = chunk.length - this.#at <= PIECE && this.#at === 0 ? chunk : chunk.subarray(this.#at, this.#at + PIECE);
        host.streamWrite(this.handle, piece);
        this.#room -= piece.length;
        this.#at += piece.length;
        if (this.#at >= chunk.length) this.#chunk = undefined;
    }

    #go(): void {
        while (this.#room > 0 && !this.#reading && !this.#over)
            if (this.#chunk !== undefined) this.#write();
            else this.#read();
    }

    #read(): void {
        this.#reading = true;
        settled(
            this.source.read(),
            (result) => this.#take(result as { done: boolean; value?: unknown }),
            (error) => this.#end(describeLine(error)),
        );
    }

    #take({ done, value }: { done: boolean; value?: unknown }): void {
        this.#reading = false;
        if (done) {
            this.#end(undefined);
            return;
        }
        if (!(value instanceof Uint8Array)) {
            const error = new TypeError(`a chunk of the body is of type ${typeOf(value)}, expected Uint8Array`);
            this.#end(describeLine(error));
            this.#cancel(error);
            return;
        }
        this.#chunk = value.length > 0 ? value : undefined;
        this.#at = 0;
        this.#go();
    }
}

function nothing(): void {}

function typeOf(value: unknown): string {
    if (value === null) return "null";
    return typeof value === "object" ? (value.constructor?.name ?? "object") : typeof value;
}

// The response's body is what source gives.
export function pump(handle: number, source: Source): void {
    const p = new Pump(handle, source);
    p.ticket = addWaiting(handle, p);
    try {
        host.streamOut(handle, p.ticket);
    } catch (error) {
        removeWaiting(handle, p.ticket);
        throw error;
    }
}
