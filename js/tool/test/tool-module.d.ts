declare module "dgate/tool" {
    export function ask(question: unknown): Promise<unknown>;
    export function format(...values: unknown[]): string;
    export function places(error: Error): { name: string; at: string }[];
}
