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
    export function places(error: Error): { name: string; at: string }[];
}
