export const requestModifier = () => {};
