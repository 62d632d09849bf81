// The handlers of njs in nginx-modules.conf.
function json(r) {
    r.headersOut['Content-Type'] = 'application/json';
    r.return(200, JSON.stringify({ name: 'lamp', price: 3 }));
}

function body(r) {
    const order = JSON.parse(r.requestText);
    order.total = order.items.reduce((sum, item) => sum + item.price, 0);
    order.seen = true;
    r.headersOut['Content-Type'] = 'application/json';
    r.return(200, JSON.stringify(order));
}

function greeting() {
    return 'hello';
}

function header(r) {
    r.headersOut['X-Powered-By'] = 'a module';
}

export default { json, body, greeting, header };
