declare module "dgate/tool" {
    export function ask(question: unknown): Promise<unknown>;
    export function format(...values: unknown[]): string;
    export function fakeFetch(
        fake: (
            url: string,
            method: string,
            headers: string[],
            body: string | ArrayBuffer | ArrayBufferView | undefined,
        ) => Promise<{ status: number; headers: [string, string][]; body: ArrayBuffer }>,
    ): void;
    // Time, in milliseconds. wall: undefined unless it is stopped; now: of the clock that only goes forward.
    export const clock: {
        stop(wallMs: number): void;
        resume(): void;
        wall(): number | undefined;
        now(): number;
    };
    export function onLost(told: (error: unknown) => void): void;
    export function places(error: Error): { name: string; at: string }[];
}
