// Where a tool is told what nobody else hears of: dgate/tool.

export const toolHook: { rejected?: ((reason: unknown) => void) | undefined } = {};
