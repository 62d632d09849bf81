// Which request and module JavaScript runs for. Every entry from the host sets it, and the microtasks that follow
// belong to it, so what a function starts after an await is still its request's.

import { GatewayError } from "./errors";
import { host, Num } from "./host";

export interface Waiting {
    settle(value: unknown): void;
    fail(text: string): void;
}

let current = 0;
let entries = 0;
let tickets = 0;
// What a request waits for, by ticket.
const waiting = new Map<number, Map<number, Waiting>>();

export function setCurrent(handle: number): void {
    current = handle;
    entries++;
}

// Each entry has a number of its own.
export function entryNumber(): number {
    return entries;
}

export function isCurrent(handle: number): boolean {
    return handle === current;
}

// The request at hand. what is named in the error when there is none.
export function requireCurrent(what: string): number {
    if (current === 0) throw new GatewayError(`${what} is not available while a module is loaded`);
    return current;
}

// Throws when that request is over: what was read of it before is not given any more, either.
export function requireAlive(handle: number): void {
    if (handle !== current) host.number(handle, Num.ContentLength);
}

export function nextTicket(): number {
    return ++tickets;
}

export function putWaiting(handle: number, ticket: number, w: Waiting): void {
    let own = waiting.get(handle);
    if (own === undefined) waiting.set(handle, (own = new Map()));
    own.set(ticket, w);
}

export function addWaiting(handle: number, w: Waiting): number {
    const ticket = nextTicket();
    putWaiting(handle, ticket, w);
    return ticket;
}

export function removeWaiting(handle: number, ticket: number): boolean {
    const own = waiting.get(handle);
    if (own === undefined || !own.delete(ticket)) return false;
    if (own.size === 0) waiting.delete(handle);
    return true;
}

export function takeWaiting(handle: number, ticket: number, keep: boolean): Waiting | undefined {
    const w = waiting.get(handle)?.get(ticket);
    if (w !== undefined && !keep) removeWaiting(handle, ticket);
    return w;
}

// Forgets what requests that have ended waited for.
export function sweepWaiting(isAlive: (handle: number) => boolean): void {
    for (const handle of waiting.keys()) if (!isAlive(handle)) waiting.delete(handle);
}

// A promise that the host settles. start gets the request's handle and a ticket.
export function hostPromise<T>(
    what: string,
    start: (handle: number, ticket: number) => void,
    convert: (value: unknown) => T,
): Promise<T> {
    const handle = requireCurrent(what);
    return new Promise<T>((resolve, reject) => {
        const ticket = addWaiting(handle, {
            settle: (value) => {
                try {
                    resolve(convert(value));
                } catch (error) {
                    reject(error as Error);
                }
            },
            fail: (text) => reject(new GatewayError(text)),
        });
        try {
            start(handle, ticket);
        } catch (error) {
            removeWaiting(handle, ticket);
            throw error;
        }
    });
}
