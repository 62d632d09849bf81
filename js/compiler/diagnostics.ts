// Which errors of TypeScript's checker are about syntax. The checker finds early errors of JavaScript and of TypeScript's
// grammar among those of types, and tells them apart by nothing but their codes.

import type ts from "typescript";

// From here on, codes are about types, which need libraries and the other modules.
const FIRST_TYPE_ERROR = 2000;

// Codes below that are about types as well, or about what is no error in the JavaScript that is made of it.
const NOT_SYNTAX = new Set([
    1016, // a required parameter after an optional one
    ...[1055, 1058, 1059, 1060, 1062, 1064, 1065], // what an async function returns
    ...[1117, 1118, 1119], // properties of the same name in an object literal
    ...[1165, 1166, 1168, 1169, 1170], // the types of computed property names
    1192, // a module without default export
    1196, // the type of a catch clause's variable
    ...[1224, 1225, 1226, 1227, 1229, 1230], // type predicates
    ...[1236, 1237, 1238, 1239, 1240, 1241, 1270, 1271, 1278, 1279, 1329], // the signatures of decorators
    ...[1268, 1337], // the types of index signatures
    // "Namespaces are not allowed in global script files", for their parts in other files: a module is one file.
    1280,
    1313, // "if (x);"
    ...[1320, 1321, 1322], // what is awaited or yielded
    ...[1330, 1331, 1332, 1333, 1334, 1335], // unique symbols
    1345, // a void expression as a condition
    ...[1354, 1355], // readonly types, const assertions
    1360, // satisfies
]);

export function syntaxErrors(found: readonly ts.Diagnostic[]): ts.Diagnostic[] {
    return found.filter((d) => d.code < FIRST_TYPE_ERROR && !NOT_SYNTAX.has(d.code));
}
