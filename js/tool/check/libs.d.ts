declare module "dgate-libs" {
    const texts: Record<string, string>;
    export default texts;
}
