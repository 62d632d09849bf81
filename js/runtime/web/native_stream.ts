// A body that the host has, and gives piece by piece.

import { nextTicket, putWaiting, requireCurrent } from "../current";
import { host } from "../host";
import { streams, type Stream } from "./streams";

export class NativeStream {
    #failed: unknown;
    #hasFailed = false;
    #abort: ((reason: unknown) => void) | undefined; // of the read that waits

    constructor(
        readonly handle: number,
        readonly id: number,
    ) {}

    // The next piece; undefined at the end.
    read(): Promise<ArrayBuffer | undefined> {
        return new Promise((resolve, reject) => {
            if (this.#hasFailed) throw this.#failed;
            if (requireCurrent("a body") !== this.handle) throw new TypeError("the body is of another request");
            const ticket = nextTicket();
            const now = host.streamRead(this.handle, this.id, ticket);
            if (now !== undefined) {
                resolve(now ?? undefined);
                return;
            }
            this.#abort = reject;
            putWaiting(this.handle, ticket, {
                settle: (value) => {
                    this.#abort = undefined;
                    resolve(value as ArrayBuffer | undefined);
                },
                fail: (text) => {
                    this.#abort = undefined;
                    reject(new TypeError(text));
                },
            });
        });
    }

    cancel(): void {
        host.streamCancel(this.handle, this.id);
    }

    // Cancels it; reads fail from now on.
    fail(reason: unknown): void {
        this.#hasFailed = true;
        this.#failed = reason;
        this.cancel();
        this.#abort?.(reason);
        this.#abort = undefined;
    }

    toStream(): Stream {
        const { ReadableStream } = streams();
        return new ReadableStream<unknown>(
            {
                pull: (controller) =>
                    this.read().then((bytes) => {
                        if (bytes === undefined) controller.close();
                        else controller.enqueue(new Uint8Array(bytes));
                    }),
                cancel: () => this.cancel(),
            },
            { highWaterMark: 0 },
        );
    }
}
