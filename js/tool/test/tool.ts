// What this library stands on: the module "dgate/tool" of the runtime library, and the program behind it.

import { ask as askTool, clock, fakeFetch, format, onLost, places } from "dgate/tool";

export { clock, fakeFetch, format, onLost, places };

export type Fields = [name: string, value: string][];
export type WireBody = { text: string } | { base64: string };

export interface UpstreamEvent {
    event: "upstream";
    id: number;
    route: number;
    method: string;
    url: string;
    headers: Fields;
    body: WireBody;
}

export interface ResponseEvent {
    event: "response";
    id: number;
    reset?: string; // why there is no complete response
    status: number;
    headers: Fields;
    body: WireBody;
}

export type ToolEvent = UpstreamEvent | ResponseEvent;

// src/runtime/session.c answers these.
export type Question =
    | { op: "route"; modules: string[]; route: object; service: object | null }
    | {
          op: "request";
          route: number;
          method: string;
          target: string;
          host: string;
          address: string;
          headers: Fields;
          body: WireBody | null;
      }
    | { op: "next" }
    | { op: "answer"; id: number; status: number; headers: Fields; body: WireBody }
    | { op: "answer"; id: number; fail: string }
    | { op: "secret"; name: string; value: string }
    | { op: "step"; until: number | null } // null: whatever comes next
    | { op: "clear" };

export function ask<T>(question: Question): Promise<T> {
    return askTool(question) as Promise<T>;
}
