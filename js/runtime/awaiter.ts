// async functions of modules, which the compiler makes generators. It has them look for this function, as TypeScript's own
// helper, in what "this" is at the top of a module.

type Body = (this: unknown, ...args: unknown[]) => Generator<unknown, unknown, unknown>;

// What is given is a function of its own for each call. Its generators would be objects of a kind of their own too, by its
// prototype, and the engine would throw away what it compiled for one kind with the last object of that kind.
function start(self: unknown, args: ArrayLike<unknown> | undefined, body: Body): Generator<unknown, unknown, unknown> {
    body.prototype = undefined;
    return args === undefined ? body.call(self) : body.apply(self, args as unknown[]);
}

function awaiter(self: unknown, args: ArrayLike<unknown> | undefined, _type: unknown, body: Body): Promise<unknown> {
    return new Promise((resolve, reject) => {
        let generator: Generator<unknown, unknown, unknown>;
        const step = (result: IteratorResult<unknown, unknown>) => {
            if (result.done === true) {
                resolve(result.value);
                return;
            }
            const { value } = result;
            (value instanceof Promise ? value : Promise.resolve(value)).then(fulfilled, rejected);
        };
        const fulfilled = (value: unknown) => {
            try {
                step(generator.next(value));
            } catch (error) {
                reject(error as Error);
            }
        };
        const rejected = (reason: unknown) => {
            try {
                step(generator.throw(reason));
            } catch (error) {
                reject(error as Error);
            }
        };
        generator = start(self, args, body);
        step(generator.next());
    });
}

export function installAwaiter(): void {
    Object.defineProperty(globalThis, "__awaiter", { value: awaiter });
}
