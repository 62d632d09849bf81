// What a name in a source may stand for, seen without types: enough to tell which bodies a module may read.

import ts from "typescript";

// The request, the upstream's response, certainly neither, or not known.
export type Subject = "request" | "response" | "neither" | "unknown";

// What calls of methods with these names give is never itself a request or response of the API (though an
// array of them may be), so a computed key of it names no method of theirs.
const DATA_METHODS = new Set(
    `arrayBuffer concat decode digest encode entries exec filter flat flatMap from fromEntries getAll
     getDocument getDocuments getCollection json keys map match matchAll of parse pathParam pathParams query
     readBody readJson replace reverse slice sort splice split stringify text toString trim values`.split(/\s+/),
);

// The same of members.
const DATA_MEMBERS = new Set(["documents", "env", "headers", "params", "query", "response"]);

const ARITHMETIC = new Set([
    ts.SyntaxKind.MinusToken,
    ts.SyntaxKind.AsteriskToken,
    ts.SyntaxKind.AsteriskAsteriskToken,
    ts.SyntaxKind.SlashToken,
    ts.SyntaxKind.PercentToken,
    ts.SyntaxKind.AmpersandToken,
    ts.SyntaxKind.BarToken,
    ts.SyntaxKind.CaretToken,
    ts.SyntaxKind.LessThanLessThanToken,
    ts.SyntaxKind.GreaterThanGreaterThanToken,
    ts.SyntaxKind.GreaterThanGreaterThanGreaterThanToken,
]);

function unwrap(e: ts.Expression): ts.Expression {
    while (
        ts.isParenthesizedExpression(e) ||
        ts.isNonNullExpression(e) ||
        ts.isAsExpression(e) ||
        ts.isSatisfiesExpression(e) ||
        ts.isTypeAssertionExpression(e) ||
        ts.isAwaitExpression(e)
    )
        e = e.expression;
    return e;
}

function isLiteral(e: ts.Expression): boolean {
    return (
        ts.isLiteralExpression(e) ||
        ts.isTemplateExpression(e) ||
        ts.isArrayLiteralExpression(e) ||
        ts.isObjectLiteralExpression(e) ||
        ts.isNewExpression(e)
    );
}

// The second parameter of "function responseModifier(ctx, res)" or "responseModifier = (ctx, res) =>".
function isModifiersResponse(p: ts.ParameterDeclaration): boolean {
    const f = p.parent;
    const holder = ts.isFunctionDeclaration(f) ? f : f.parent;
    if (f.parameters[1] !== p || !(ts.isFunctionDeclaration(holder) || ts.isVariableDeclaration(holder))) return false;
    return holder.name !== undefined && ts.isIdentifier(holder.name) && holder.name.text === "responseModifier";
}

export class Bindings {
    // Every name that is declared once only, with its declaration; null when there are several.
    readonly #declared = new Map<string, ts.VariableDeclaration | null>();
    // The name that stands for nothing but the second parameter of responseModifier(ctx, res).
    #response: string | undefined;

    constructor(file: ts.SourceFile) {
        const visit = (node: ts.Node): void => {
            const named = node as ts.NamedDeclaration;
            const isBinding =
                ts.isVariableDeclaration(node) ||
                ts.isParameter(node) ||
                ts.isBindingElement(node) ||
                ts.isFunctionDeclaration(node) ||
                ts.isClassDeclaration(node);
            if (isBinding && named.name !== undefined && ts.isIdentifier(named.name)) {
                const name = named.name.text;
                const first = !this.#declared.has(name) && ts.isVariableDeclaration(node);
                if (ts.isParameter(node) && isModifiersResponse(node) && !this.#declared.has(name))
                    this.#response = name;
                else if (this.#response === name) this.#response = undefined;
                this.#declared.set(name, first ? node : null);
            }
            ts.forEachChild(node, visit);
        };
        visit(file);
    }

    isDeclared(name: string): boolean {
        return this.#declared.has(name);
    }

    #constant(name: string): ts.Expression | undefined {
        const d = this.#declared.get(name);
        const isConst = d != null && (ts.getCombinedNodeFlags(d) & ts.NodeFlags.Const) !== 0;
        return isConst ? d.initializer : undefined;
    }

    // Whether an expression is what a name that is declared once stands for.
    isConstant(expression: ts.Expression): boolean {
        const d = expression.parent;
        return ts.isVariableDeclaration(d) && ts.isIdentifier(d.name) && this.#constant(d.name.text) === expression;
    }

    subject(expression: ts.Expression, depth = 0): Subject {
        const e = unwrap(expression);
        if (isLiteral(e)) return "neither";
        if (ts.isPropertyAccessExpression(e)) return this.#member(e.name.text);
        if (ts.isCallExpression(e)) {
            const callee = unwrap(e.expression);
            if (!ts.isPropertyAccessExpression(callee)) return "unknown";
            return this.#member(callee.name.text);
        }
        if (ts.isIdentifier(e) && e.text === this.#response) return "response";
        if (ts.isIdentifier(e) && depth < 8) {
            const value = this.#constant(e.text);
            if (value !== undefined) return this.subject(value, depth + 1);
        }
        return "unknown";
    }

    #member(name: string): Subject {
        if (name === "request") return "request";
        if (name === "upstream") return "response";
        const data = DATA_MEMBERS.has(name) || DATA_METHODS.has(name);
        return data ? "neither" : "unknown";
    }

    // Whether a computed key can only be a number or a symbol.
    isNumber(expression: ts.Expression, depth = 0): boolean {
        const e = unwrap(expression);
        if (ts.isNumericLiteral(e) || ts.isPostfixUnaryExpression(e)) return true;
        if (ts.isPrefixUnaryExpression(e)) return e.operator !== ts.SyntaxKind.ExclamationToken;
        if (ts.isPropertyAccessExpression(e))
            return e.name.text === "length" || e.expression.getText() === "Symbol";
        if (ts.isCallExpression(e)) return /^Math\.|^Number\(|^parseInt\(/.test(e.getText());
        if (ts.isBinaryExpression(e)) {
            if (ARITHMETIC.has(e.operatorToken.kind as never)) return true;
            const plus = e.operatorToken.kind === ts.SyntaxKind.PlusToken;
            return plus && this.isNumber(e.left, depth) && this.isNumber(e.right, depth);
        }
        if (!ts.isIdentifier(e) || depth >= 8) return false;
        const value = this.#constant(e.text) ?? this.#counter(e.text);
        return value !== undefined && this.isNumber(value, depth + 1);
    }

    // The start of "for (let i = 0; ...)".
    #counter(name: string): ts.Expression | undefined {
        const d = this.#declared.get(name);
        return d != null && ts.isForStatement(d.parent.parent) ? d.initializer : undefined;
    }
}
