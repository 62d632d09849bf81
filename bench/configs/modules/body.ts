import type { Context } from "dgate";

interface Order {
    items: { price: number }[];
    total?: number;
    seen?: boolean;
}

export const requestHandler = (ctx: Context) => {
    const order = ctx.request().readJson() as Order;
    order.total = order.items.reduce((sum, item) => sum + item.price, 0);
    order.seen = true;
    ctx.response().json(order);
};
