// Everything: the modules' API and that of their tests.

/// <reference path="./dgate.d.ts" />
/// <reference path="./web.d.ts" />
/// <reference path="./test.d.ts" />
