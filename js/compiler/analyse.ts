// What a source imports, exports and may do, and what is refused before it runs.

import ts from "typescript";

import { Bindings, type Subject } from "./bindings";
import { escapes } from "./escapes";
import { FUNCTIONS, importProblem } from "./names";
import type { Problems } from "./problems";

export interface Import {
    name: string;
    at: number;
}

export interface Facts {
    isModule: boolean;
    dgate1: boolean;
    imports: Import[];
    exports: string[];
    functions: string[]; // top-level bindings with a recognised name
    readsRequestBody: boolean;
    readsResponseBody: boolean;
}

export type Api = "auto" | "dgate1" | "dgate2";

const READERS = new Set(["readBody", "readJson", "readWriteBody"]);
const DGATE1_CALLS = new Set(["request", "response", "upstream", "route", "service", "namespace"]);
const NO_SLEEP = 'sleep() would block the worker: use "await asyncSleep(...)" from "dgate"';

// Whether an expression is only the target of "=".
function isAssigned(e: ts.Expression): boolean {
    const holder = e.parent;
    return (
        ts.isBinaryExpression(holder) &&
        holder.left === e &&
        holder.operatorToken.kind === ts.SyntaxKind.EqualsToken
    );
}

class Analysis {
    readonly facts: Facts;
    readonly #bindings: Bindings;
    readonly #exports = new Set<string>();
    readonly #dgateNames = new Set<string>(); // identifiers that hold the "dgate" module
    #readsBodyProperty: Subject[] = [];

    constructor(
        private readonly file: ts.SourceFile,
        private readonly problems: Problems,
        private readonly api: Api,
        private readonly builtins: readonly string[],
    ) {
        this.#bindings = new Bindings(file);
        this.facts = {
            isModule: ts.isExternalModule(file),
            dgate1: ts.isExternalModule(file),
            imports: [],
            exports: [],
            functions: [],
            readsRequestBody: false,
            readsResponseBody: false,
        };
    }

    run(): Facts {
        for (const s of this.file.statements) this.#topLevel(s);
        this.#visit(this.file);
        if (this.api !== "auto") this.facts.dgate1 = this.api === "dgate1";
        if (!this.facts.dgate1) {
            this.#readsBodyProperty.forEach((s) => this.#reads(s));
            escapes(this.file, this.#bindings).forEach((s) => this.#reads(s));
        }
        this.facts.functions.forEach((n) => this.#exports.add(n));
        this.facts.exports = [...this.#exports].filter((n) => !n.includes("\0")); // JSON that C reads has no NUL
        if (this.#exports.has("fetchUpstream") && this.#exports.has("fetchUpstreamUrl"))
            this.problems.add(0, "fetchUpstream and fetchUpstreamUrl are two names of one function: export one of them");
        return this.facts;
    }

    #reads(subject: Subject): void {
        if (subject !== "response" && subject !== "neither") this.facts.readsRequestBody = true;
        if (subject !== "request" && subject !== "neither") this.facts.readsResponseBody = true;
    }

    // A reader's name was used on e: only a certain request or upstream narrows what it reads.
    #readsBy(e: ts.Expression): void {
        const subject = this.#bindings.subject(e);
        this.#reads(subject === "neither" ? "unknown" : subject);
    }

    #import(specifier: ts.StringLiteralLike): void {
        const wrong = importProblem(specifier.text, this.builtins);
        if (wrong !== undefined) this.problems.add(specifier.getStart(), wrong);
        if (this.facts.imports.some((i) => i.name === specifier.text)) return;
        this.facts.imports.push({
            name: specifier.text,
            at: specifier.getStart(),
        });
    }

    #topLevel(s: ts.Statement): void {
        const exported =
            ts.canHaveModifiers(s) &&
            (ts.getModifiers(s)?.some((m) => m.kind === ts.SyntaxKind.ExportKeyword) ?? false);
        const declared: string[] = [];
        if ((ts.isFunctionDeclaration(s) || ts.isClassDeclaration(s)) && s.name !== undefined)
            declared.push(s.name.text);
        if (ts.isVariableStatement(s))
            for (const d of s.declarationList.declarations)
                if (ts.isIdentifier(d.name)) declared.push(d.name.text);
        if (exported) declared.forEach((n) => this.#exports.add(n));
        this.facts.functions.push(...declared.filter((n) => FUNCTIONS.includes(n)));

        if (ts.isExportAssignment(s)) this.#exports.add("default");
        if (ts.isExportDeclaration(s) && s.exportClause !== undefined && !s.isTypeOnly)
            if (ts.isNamedExports(s.exportClause))
                s.exportClause.elements.forEach((e) => this.#exports.add(e.name.text));
            else this.#exports.add(s.exportClause.name.text);
        else if (ts.isExportDeclaration(s) && !s.isTypeOnly) this.#exports.add("*");
    }

    #visit(node: ts.Node): void {
        if (ts.isTypeNode(node)) return;
        if (ts.isImportDeclaration(node)) this.#importDeclaration(node);
        else if (ts.isExportDeclaration(node)) this.#exportDeclaration(node);
        else if (ts.isImportEqualsDeclaration(node)) this.#importEquals(node);
        else if (ts.isCallExpression(node)) this.#call(node);
        else if (ts.isNewExpression(node)) this.#refuseEval(node.expression);
        else if (ts.isPropertyAccessExpression(node)) this.#property(node);
        else if (ts.isElementAccessExpression(node)) this.#element(node);
        else if (ts.isIdentifier(node)) this.#identifier(node);
        else if (ts.isBindingElement(node)) this.#bindingElement(node);
        else if (ts.isStringLiteralLike(node) && READERS.has(node.text)) this.#literal(node);
        ts.forEachChild(node, (child) => this.#visit(child));
    }

    #importDeclaration(node: ts.ImportDeclaration): void {
        const clause = node.importClause;
        if (clause?.isTypeOnly === true || !ts.isStringLiteral(node.moduleSpecifier)) return;
        this.#import(node.moduleSpecifier);
        if (node.moduleSpecifier.text !== "dgate" || clause === undefined) return;
        if (clause.name !== undefined) this.#dgateNames.add(clause.name.text);
        const named = clause.namedBindings;
        if (named === undefined) return;
        if (ts.isNamespaceImport(named)) this.#dgateNames.add(named.name.text);
        else
            for (const e of named.elements)
                if ((e.propertyName ?? e.name).text === "sleep") this.problems.add(e.getStart(), NO_SLEEP);
    }

    #exportDeclaration(node: ts.ExportDeclaration): void {
        if (node.isTypeOnly || node.moduleSpecifier === undefined) return;
        if (ts.isStringLiteral(node.moduleSpecifier)) this.#import(node.moduleSpecifier);
    }

    #importEquals(node: ts.ImportEqualsDeclaration): void {
        const from = node.moduleReference;
        if (node.isTypeOnly || !ts.isExternalModuleReference(from)) return;
        if (!ts.isStringLiteral(from.expression)) return;
        this.#import(from.expression);
        if (from.expression.text === "dgate") this.#dgateNames.add(node.name.text);
    }

    #call(node: ts.CallExpression): void {
        const callee = node.expression;
        if (callee.kind === ts.SyntaxKind.ImportKeyword) {
            const text = "import() is not available: modules are linked before they run, so import at the top";
            this.problems.add(node.getStart(), text);
        }
        this.#refuseEval(callee);
        if (ts.isPropertyAccessExpression(callee) && ts.isIdentifier(callee.expression))
            if (DGATE1_CALLS.has(callee.name.text)) this.facts.dgate1 = true;
        if (ts.isIdentifier(callee) && callee.text === "require" && !this.#bindings.isDeclared("require"))
            this.#require(node);
    }

    #require(node: ts.CallExpression): void {
        this.facts.dgate1 = true;
        const name = node.arguments[0];
        if (name === undefined || !ts.isStringLiteralLike(name)) {
            this.problems.add(node.getStart(), "require() takes one literal string, so that it can be linked");
            return;
        }
        this.#import(name);
        const holder = node.parent;
        if (name.text !== "dgate") return;
        if (ts.isPropertyAccessExpression(holder) && holder.name.text === "sleep")
            this.problems.add(holder.name.getStart(), NO_SLEEP);
        if (!ts.isVariableDeclaration(holder)) return;
        if (ts.isIdentifier(holder.name)) this.#dgateNames.add(holder.name.text);
        if (!ts.isObjectBindingPattern(holder.name)) return;
        for (const e of holder.name.elements)
            if ((e.propertyName ?? e.name).getText() === "sleep") this.problems.add(e.getStart(), NO_SLEEP);
    }

    #refuseEval(callee: ts.Expression): void {
        if (!ts.isIdentifier(callee) || this.#bindings.isDeclared(callee.text)) return;
        if (callee.text === "eval" || callee.text === "Function")
            this.problems.add(callee.getStart(), `${callee.text}() is not available in modules`);
    }

    #property(node: ts.PropertyAccessExpression): void {
        const name = node.name.text;
        if (READERS.has(name)) this.#readsBy(node.expression);
        if (name === "body" && !isAssigned(node)) this.#readsBodyProperty.push(this.#bodyOf(node.expression));
        if (name === "sleep" && ts.isIdentifier(node.expression))
            if (this.#dgateNames.has(node.expression.text)) this.problems.add(node.name.getStart(), NO_SLEEP);
        if (node.expression.getText() === "module" && name === "exports") this.#commonJs(node);
        if (node.expression.getText() === "exports") this.#exports.add(name);
        if (node.expression.getText() === "module.exports") this.#exports.add(name);
    }

    // While responseModifiers run, ctx.response is the upstream's.
    #bodyOf(e: ts.Expression): Subject {
        const isAnswer = ts.isPropertyAccessExpression(e) && e.name.text === "response";
        return isAnswer ? "response" : this.#bindings.subject(e);
    }

    // "module.exports = { a, b: ... }"
    #commonJs(node: ts.PropertyAccessExpression): void {
        this.facts.dgate1 = true;
        const assignment = node.parent;
        if (!ts.isBinaryExpression(assignment) || assignment.left !== node) return;
        if (!ts.isObjectLiteralExpression(assignment.right)) return;
        for (const p of assignment.right.properties)
            if (p.name !== undefined && ts.isIdentifier(p.name)) this.#exports.add(p.name.text);
    }

    #element(node: ts.ElementAccessExpression): void {
        const key = node.argumentExpression;
        const subject = this.#bindings.subject(node.expression);
        if (ts.isStringLiteralLike(key)) {
            if (READERS.has(key.text)) this.#readsBy(node.expression);
            if (key.text === "body" && !isAssigned(node)) this.#readsBodyProperty.push(subject);
        } else if (!this.#bindings.isNumber(key)) this.#reads(subject);
    }

    // "{ body }" or "{ body: b }" of a declaration, a parameter or an assignment.
    #bindingElement(node: ts.BindingElement): void {
        if ((node.propertyName ?? node.name).getText() !== "body") return;
        const holder = node.parent.parent;
        const from = ts.isVariableDeclaration(holder) ? holder.initializer : undefined;
        this.#readsBodyProperty.push(from === undefined ? "unknown" : this.#bindings.subject(from));
    }

    #identifier(node: ts.Identifier): void {
        if (node.text === "exports" && !this.#bindings.isDeclared("exports")) this.facts.dgate1 = true;
        if (node.text === "Reflect") this.#reads("unknown");
        const isMember = ts.isPropertyAccessExpression(node.parent) && node.parent.name === node;
        if (READERS.has(node.text) && !isMember) this.#reads("unknown");
    }

    #literal(node: ts.StringLiteralLike): void {
        const isKey = ts.isElementAccessExpression(node.parent) && node.parent.argumentExpression === node;
        if (!isKey) this.#reads("unknown");
    }
}

export function analyse(file: ts.SourceFile, problems: Problems, api: Api, builtins: readonly string[]): Facts {
    return new Analysis(file, problems, api, builtins).run();
}
