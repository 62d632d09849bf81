// Where a script of DGate 2 does something else with ctx, a request or a response than to name a property of it: it is
// copied, enumerated, made JSON or passed on, and its body may be read without being named.

import ts from "typescript";

import type { Bindings, Subject } from "./bindings";
import { FUNCTIONS } from "./names";

type Callable = ts.FunctionDeclaration | ts.FunctionExpression | ts.ArrowFunction;

function isCallable(node: ts.Node | undefined): node is Callable {
    return (
        node !== undefined &&
        (ts.isFunctionDeclaration(node) || ts.isFunctionExpression(node) || ts.isArrowFunction(node))
    );
}

// The functions that are declared by name, "function f() {}" or "const f = () => {}".
function namedFunctions(file: ts.SourceFile): Map<string, Callable> {
    const found = new Map<string, Callable>();
    const visit = (node: ts.Node): void => {
        if (ts.isFunctionDeclaration(node) && node.name !== undefined) found.set(node.name.text, node);
        if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && isCallable(node.initializer))
            found.set(node.name.text, node.initializer);
        ts.forEachChild(node, visit);
    };
    visit(file);
    return found;
}

function isNamed(node: ts.Node): boolean {
    const holder = node.parent;
    return (
        (ts.isPropertyAccessExpression(holder) || ts.isElementAccessExpression(holder)) && holder.expression === node
    );
}

function isAssigned(node: ts.Node): boolean {
    const holder = node.parent;
    const isTarget = ts.isBinaryExpression(holder) && holder.left === node;
    return isTarget && holder.operatorToken.kind === ts.SyntaxKind.EqualsToken;
}

function isUse(node: ts.Identifier): boolean {
    const holder = node.parent;
    if (ts.isPropertyAccessExpression(holder) || ts.isPropertyAssignment(holder)) return holder.name !== node;
    return !(ts.isParameter(holder) || ts.isVariableDeclaration(holder) || ts.isBindingElement(holder)) || holder.name !== node;
}

class Search {
    readonly found: Subject[] = [];
    readonly #functions: Map<string, Callable>;
    readonly #contexts = new Set<string>(["ctx"]); // names that may stand for a ctx

    constructor(
        private readonly file: ts.SourceFile,
        private readonly bindings: Bindings,
    ) {
        this.#functions = namedFunctions(file);
        for (const [name, f] of this.#functions) if (FUNCTIONS.includes(name)) this.#addContext(f.parameters[0]);
        for (let known = 0; known < this.#contexts.size; ) {
            known = this.#contexts.size;
            this.#spread(file);
        }
    }

    #addContext(parameter: ts.ParameterDeclaration | undefined): boolean {
        if (parameter === undefined || !ts.isIdentifier(parameter.name)) return false;
        if (parameter.dotDotDotToken !== undefined) return false;
        this.#contexts.add(parameter.name.text);
        return true;
    }

    // A function of the source that a ctx is handed to has it under the name of its parameter.
    #spread(node: ts.Node): void {
        if (ts.isIdentifier(node) && this.#contexts.has(node.text)) this.#isHandedOver(node);
        ts.forEachChild(node, (child) => this.#spread(child));
    }

    #isHandedOver(node: ts.Identifier): boolean {
        const call = node.parent;
        if (!ts.isCallExpression(call) || !ts.isIdentifier(call.expression)) return false;
        const at = call.arguments.indexOf(node);
        return at >= 0 && this.#addContext(this.#functions.get(call.expression.text)?.parameters[at]);
    }

    visit(node: ts.Node): void {
        if (ts.isTypeNode(node)) return;
        if (ts.isIdentifier(node)) this.#identifier(node);
        else if (ts.isPropertyAccessExpression(node)) this.#member(node, node.name.text);
        else if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression))
            this.#member(node, node.argumentExpression.text);
        else if (ts.isBindingElement(node)) this.#bindingElement(node);
        ts.forEachChild(node, (child) => this.visit(child));
    }

    #identifier(node: ts.Identifier): void {
        if (node.text === "arguments") this.found.push("unknown");
        if (!isUse(node) || isNamed(node)) return;
        if (this.#contexts.has(node.text) && !this.#isHandedOver(node) && !this.#isPlainPattern(node))
            this.found.push("unknown");
        const subject = this.bindings.subject(node);
        if (subject === "request" || subject === "response")
            if (!this.#isPlainPattern(node)) this.found.push(subject);
    }

    #member(node: ts.PropertyAccessExpression | ts.ElementAccessExpression, name: string): void {
        if ((name !== "request" && name !== "response") || isNamed(node) || isAssigned(node)) return;
        if (!this.#isPlainPattern(node) && !(name === "request" && this.bindings.isConstant(node))) this.found.push(name);
    }

    // "const { method } = ctx.request": what is named there is looked at by itself.
    #isPlainPattern(node: ts.Expression): boolean {
        const holder = node.parent;
        return ts.isVariableDeclaration(holder) && holder.initializer === node && ts.isObjectBindingPattern(holder.name);
    }

    #bindingElement(node: ts.BindingElement): void {
        const name = (node.propertyName ?? node.name).getText(this.file);
        if (node.dotDotDotToken !== undefined) this.found.push("unknown");
        else if ((name === "request" || name === "response") && ts.isIdentifier(node.name)) this.found.push(name);
    }
}

// The subjects whose bodies may be read so.
export function escapes(file: ts.SourceFile, bindings: Bindings): Subject[] {
    const search = new Search(file, bindings);
    search.visit(file);
    return search.found;
}
