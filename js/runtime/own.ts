// Objects whose accessors count as their own properties, so that they can be copied and enumerated like the plain
// objects of DGate 2. A proxy, because making one costs far less than defining accessors on every object.

class Traps<T extends object> implements ProxyHandler<T> {
    constructor(private readonly names: readonly (string & keyof T)[]) {}

    // With the object as "this", which has the private fields.
    get(target: T, name: string | symbol): unknown {
        return target[name as keyof T];
    }

    set(target: T, name: string | symbol, value: unknown): boolean {
        target[name as keyof T] = value as never;
        return true;
    }

    ownKeys(target: T): (string | symbol)[] {
        return [...new Set([...this.names, ...Reflect.ownKeys(target)])];
    }

    // As an accessor: a body is not to be read because its name is listed.
    getOwnPropertyDescriptor(target: T, name: string | symbol): PropertyDescriptor | undefined {
        const own = Reflect.getOwnPropertyDescriptor(target, name);
        if (own !== undefined || !(this.names as readonly (string | symbol)[]).includes(name)) return own;
        return {
            configurable: true,
            enumerable: true,
            get: () => this.get(target, name),
            set: (value: unknown) => void this.set(target, name, value),
        };
    }
}

// Makes the view of such an object.
export function viewer<T extends object>(...names: (string & keyof T)[]): (target: T) => T {
    const traps = new Traps<T>(names);
    return (target) => new Proxy(target, traps);
}
