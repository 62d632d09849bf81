// Where a tool is told what nobody else hears of: dgate/tool.

export const toolHook: { lost?: ((error: unknown) => void) | undefined } = {};
