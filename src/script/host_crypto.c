/* Hashes, HMAC and random bytes for dgate/crypto: OpenSSL's. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/hex.h"
#include "script/host_encoding.h"
#include "script/host_groups.h"
#include "script/jsbytes.h"
#include "script/jsvalue.h"
#include "script/script_vm.h"

enum {
    RANDOM_MAX = 65536,
    POOL_SIZE = 1024,
    UUID_BYTES = 16,
    KEYED_COUNT = 8,
    KEYED_KEY_MAX = 256,
};

/* A hash or an HMAC under way: the private data of a JavaScript object. */
struct digest {
    EVP_MD_CTX *hash;
    EVP_MAC_CTX *mac;
};

struct algorithm {
    const char *openssl;
    EVP_MD *md; /* fetched once: that takes longer than a short hash */
};

static struct algorithm algorithms[] = {
    {"MD5", NULL},    {"SHA1", NULL},       {"SHA256", NULL},     {"SHA384", NULL},
    {"SHA512", NULL}, {"SHA512-224", NULL}, {"SHA512-256", NULL},
};

static EVP_MAC *hmac_method;

static void finalize(JSObjectRef object)
{
    struct digest *d = JSObjectGetPrivate(object);
    if (d == NULL)
        return;
    EVP_MD_CTX_free(d->hash);
    EVP_MAC_CTX_free(d->mac);
    free(d);
}

static JSClassRef digest_class(void)
{
    static JSClassRef class;
    if (class == NULL) {
        JSClassDefinition definition = kJSClassDefinitionEmpty;
        definition.className = "HashState";
        definition.finalize = finalize;
        class = JSClassCreate(&definition);
    }
    return class;
}

/* What argument 0 says: js/runtime/host.ts, hashForm(). One number, because each that is read costs. */
struct form {
    const struct algorithm *algorithm; /* NULL when OpenSSL does not have it */
    enum host_encoding encoding;
};

static struct form form_of(JSContextRef ctx, size_t argc, const JSValueRef argv[])
{
    enum { ENCODING_UNIT = 16 };
    const double given = host_number(ctx, argc, argv, 0);
    const unsigned number = given >= 0 && given < 256 ? (unsigned)given : ENCODING_UNIT - 1;
    const size_t i = number % ENCODING_UNIT;
    struct algorithm *a = i < ARRAY_LEN(algorithms) ? &algorithms[i] : NULL;
    if (a != NULL && a->md == NULL)
        a->md = EVP_MD_fetch(NULL, a->openssl, NULL);
    return (struct form){a != NULL && a->md != NULL ? a : NULL,
                         (enum host_encoding)(number / ENCODING_UNIT)};
}

static JSValueRef make_object(JSContextRef ctx, struct digest d)
{
    struct digest *copy = malloc(sizeof(*copy));
    if (copy == NULL)
        abort();
    *copy = d;
    return JSObjectMake(ctx, digest_class(), copy);
}

/* hash(form) */
static JSValueRef hash(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                       const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    const struct algorithm *a = form_of(ctx, argc, argv).algorithm;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    if (a == NULL || md == NULL || EVP_DigestInit_ex2(md, a->md, NULL) != 1) {
        EVP_MD_CTX_free(md);
        return jsvalue_throw(ctx, exception, "the hash cannot be begun");
    }
    return make_object(ctx, (struct digest){.hash = md});
}

static EVP_MAC_CTX *begin_hmac(const struct algorithm *a, struct str key)
{
    if (hmac_method == NULL)
        hmac_method = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac_method);
    char name[32];
    (void)snprintf(name, sizeof(name), "%s", a->openssl);
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", name, 0),
                                 OSSL_PARAM_construct_end()};
    /* An empty key must still be given: NULL means the one before. */
    const unsigned char *bytes = (const unsigned char *)(key.len > 0 ? key.p : "");
    if (mac != NULL && EVP_MAC_init(mac, bytes, key.len, params) == 1)
        return mac;
    EVP_MAC_CTX_free(mac);
    return NULL;
}

/* hmac(form, key) */
static JSValueRef hmac(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                       const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    const struct algorithm *a = form_of(ctx, argc, argv).algorithm;
    struct jsbytes key;
    EVP_MAC_CTX *mac = NULL;
    if (jsbytes_open(&key, ctx, host_argument(ctx, argc, argv, 1)) && a != NULL)
        mac = begin_hmac(a, key.s);
    jsbytes_close(&key);
    if (mac == NULL)
        return jsvalue_throw(ctx, exception, "the key is not usable");
    return make_object(ctx, (struct digest){.mac = mac});
}

/* The digest behind argument i; NULL when it is none. */
static struct digest *digest_of(JSContextRef ctx, size_t argc, const JSValueRef argv[], size_t i)
{
    const JSValueRef v = host_argument(ctx, argc, argv, i);
    if (!JSValueIsObjectOfClass(ctx, v, digest_class()))
        return NULL;
    JSObjectRef object = JSValueToObject(ctx, v, NULL);
    return object != NULL ? JSObjectGetPrivate(object) : NULL;
}

static bool feed(const struct digest *d, struct str s)
{
    if (s.len == 0)
        return true;
    if (d->hash != NULL)
        return EVP_DigestUpdate(d->hash, s.p, s.len) == 1;
    return EVP_MAC_update(d->mac, (const unsigned char *)s.p, s.len) == 1;
}

/* hashUpdate(hash, data) */
static JSValueRef update(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                         const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    const struct digest *d = digest_of(ctx, argc, argv, 0);
    struct jsbytes data;
    const bool ok =
        jsbytes_open(&data, ctx, host_argument(ctx, argc, argv, 1)) && d != NULL && feed(d, data.s);
    jsbytes_close(&data);
    return ok ? JSValueMakeUndefined(ctx) : jsvalue_throw(ctx, exception, "the hash failed");
}

/* hashDigest(form, hash): once */
static JSValueRef digest(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                         const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    const struct digest *d = digest_of(ctx, argc, argv, 1);
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    size_t mac_len = 0;
    bool ok = false;
    if (d != NULL && d->hash != NULL)
        ok = EVP_DigestFinal_ex(d->hash, out, &len) == 1;
    else if (d != NULL)
        ok = EVP_MAC_final(d->mac, out, &mac_len, sizeof(out)) == 1;
    if (!ok)
        return jsvalue_throw(ctx, exception, "the hash failed");
    const struct str s = {(const char *)out, d->hash != NULL ? len : mac_len};
    return host_encoding_value(ctx, s, form_of(ctx, argc, argv).encoding, exception);
}

/* hashOnce(form, data) */
static JSValueRef hash_once(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                            const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    const struct form form = form_of(ctx, argc, argv);
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    struct jsbytes data;
    const bool ok = jsbytes_open(&data, ctx, host_argument(ctx, argc, argv, 1)) &&
                    form.algorithm != NULL &&
                    EVP_Digest(data.s.p, data.s.len, out, &len, form.algorithm->md, NULL) == 1;
    jsbytes_close(&data);
    if (!ok)
        return jsvalue_throw(ctx, exception, "the hash failed");
    const struct str s = {(const char *)out, len};
    return host_encoding_value(ctx, s, form.encoding, exception);
}

/* HMACs whose key is set already, which takes longer than a short text: modules use few keys. */
struct keyed {
    const struct algorithm *algorithm; /* NULL: none */
    EVP_MAC_CTX *mac;
    size_t len;
    char key[KEYED_KEY_MAX];
};

static struct keyed keyed[KEYED_COUNT];

static struct keyed *find_keyed(const struct algorithm *a, struct str key)
{
    for (size_t i = 0; i < KEYED_COUNT; i++) {
        struct keyed *k = &keyed[i];
        if (k->algorithm == a && k->len == key.len && CRYPTO_memcmp(k->key, key.p, key.len) == 0)
            return k;
    }
    return NULL;
}

/* Takes the place of the oldest one. Takes over mac. */
static void keep_keyed(const struct algorithm *a, struct str key, EVP_MAC_CTX *mac)
{
    static size_t next;
    struct keyed *k = &keyed[next++ % KEYED_COUNT];
    EVP_MAC_CTX_free(k->mac);
    OPENSSL_cleanse(k->key, sizeof(k->key));
    *k = (struct keyed){.algorithm = a, .mac = mac, .len = key.len};
    if (key.len > 0)
        memcpy(k->key, key.p, key.len);
}

/* Writes the HMAC to out, which has room for EVP_MAX_MD_SIZE. */
static bool mac_once(const struct algorithm *a, struct str key, struct str data, unsigned char *out,
                     size_t *len)
{
    struct keyed *const known = key.len <= KEYED_KEY_MAX ? find_keyed(a, key) : NULL;
    EVP_MAC_CTX *mac = known != NULL ? known->mac : begin_hmac(a, key);
    bool ok = mac != NULL && (known == NULL || EVP_MAC_init(mac, NULL, 0, NULL) == 1);
    if (ok && data.len > 0)
        ok = EVP_MAC_update(mac, (const unsigned char *)data.p, data.len) == 1;
    ok = ok && EVP_MAC_final(mac, out, len, EVP_MAX_MD_SIZE) == 1;
    if (known == NULL && ok && key.len <= KEYED_KEY_MAX)
        keep_keyed(a, key, mac);
    else if (known == NULL)
        EVP_MAC_CTX_free(mac);
    return ok;
}

/* An HMAC that was asked for. */
struct mac {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    size_t len;
    enum host_encoding encoding;
};

/* mac_once() of the arguments (form, key, data). */
static bool mac_of(JSContextRef ctx, size_t argc, const JSValueRef argv[], struct mac *ret)
{
    const struct form form = form_of(ctx, argc, argv);
    ret->encoding = form.encoding;
    struct jsbytes key;
    struct jsbytes data;
    const bool has_key = jsbytes_open(&key, ctx, host_argument(ctx, argc, argv, 1));
    const bool has_data = jsbytes_open(&data, ctx, host_argument(ctx, argc, argv, 2));
    const bool ok = has_key && has_data && form.algorithm != NULL &&
                    mac_once(form.algorithm, key.s, data.s, ret->bytes, &ret->len);
    jsbytes_close(&data);
    jsbytes_close(&key);
    return ok;
}

/* hmacOnce(form, key, data) */
static JSValueRef hmac_once(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                            const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct mac mac;
    if (!mac_of(ctx, argc, argv, &mac))
        return jsvalue_throw(ctx, exception, "the key is not usable");
    const struct str s = {(const char *)mac.bytes, mac.len};
    return host_encoding_value(ctx, s, mac.encoding, exception);
}

/* In a time that depends on the lengths only. */
static bool is_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.p, b.p, a.len) == 0);
}

/* hmacVerify(form, key, data, signature) */
static JSValueRef hmac_verify(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                              const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct mac mac;
    if (!mac_of(ctx, argc, argv, &mac))
        return jsvalue_throw(ctx, exception, "the key is not usable");
    struct jsbytes expected;
    const bool ok = jsbytes_open(&expected, ctx, host_argument(ctx, argc, argv, 3)) &&
                    is_equal(expected.s, (struct str){(const char *)mac.bytes, mac.len});
    jsbytes_close(&expected);
    return JSValueMakeBoolean(ctx, ok);
}

/* A token (RFC 7515 section 7.1), which has two dots. */
struct token {
    struct str text; /* what is signed */
    struct str payload;
    struct str signature;
};

static struct token split_token(struct str token)
{
    const size_t first = str_index(token, '.', 0);
    const size_t second = str_index(token, '.', first + 1);
    return (struct token){.text = str_slice(token, 0, second),
                          .payload = str_slice(token, first + 1, second),
                          .signature = str_skip(token, second + 1)};
}

static bool is_signed(const struct algorithm *a, struct str key, const struct token *t)
{
    struct mac mac;
    struct buf signature;
    buf_init(&signature, EVP_MAX_MD_SIZE + 3);
    const bool ok = base64_decode_url(&signature, t->signature) &&
                    mac_once(a, key, t->text, mac.bytes, &mac.len) &&
                    is_equal(buf_str(&signature), (struct str){(const char *)mac.bytes, mac.len});
    buf_finish(&signature);
    return ok;
}

/* The value that base64url of JSON stands for; undefined when it is not that. */
static JSValueRef json_value(JSContextRef ctx, struct str text)
{
    struct buf decoded;
    buf_init(&decoded, text.len + 3);
    JSValueRef v = NULL;
    if (base64_decode_url(&decoded, text) && base64_is_utf8(buf_str(&decoded))) {
        JSStringRef json = jsvalue_string(buf_str(&decoded));
        v = JSValueMakeFromJSONString(ctx, json);
        JSStringRelease(json);
    }
    buf_finish(&decoded);
    return v != NULL ? v : JSValueMakeUndefined(ctx);
}

/* jwtHmac(form, key, token): false when its signature is wrong, else its payload, undefined if that is no JSON */
static JSValueRef jwt_hmac(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                           const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    const struct algorithm *a = form_of(ctx, argc, argv).algorithm;
    struct jsbytes key;
    struct jsbytes text;
    const bool has_key = jsbytes_open(&key, ctx, host_argument(ctx, argc, argv, 1));
    const bool has_text = jsbytes_open(&text, ctx, host_argument(ctx, argc, argv, 2));
    JSValueRef v = NULL;
    if (has_key && has_text && a != NULL) {
        const struct token token = split_token(text.s);
        v = is_signed(a, key.s, &token) ? json_value(ctx, token.payload)
                                        : JSValueMakeBoolean(ctx, false);
    }
    jsbytes_close(&text);
    jsbytes_close(&key);
    return v != NULL ? v : jsvalue_throw(ctx, exception, "the token is not usable");
}

/* equalBytes(a, b) */
static JSValueRef equal_bytes(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                              const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)exception;
    struct jsbytes a;
    struct jsbytes b;
    const bool has_a = jsbytes_open(&a, ctx, host_argument(ctx, argc, argv, 0));
    const bool has_b = jsbytes_open(&b, ctx, host_argument(ctx, argc, argv, 1));
    const bool ok = has_a && has_b && is_equal(a.s, b.s);
    jsbytes_close(&b);
    jsbytes_close(&a);
    return JSValueMakeBoolean(ctx, ok);
}

/* Random bytes ahead of need: asking for a few takes OpenSSL as long as asking for many. */
static struct {
    unsigned char bytes[POOL_SIZE];
    size_t left;
} pool;

static bool take_random(unsigned char *out, size_t n)
{
    if (n > POOL_SIZE / 4)
        return RAND_bytes(out, (int)n) == 1;
    if (pool.left < n) {
        if (RAND_bytes(pool.bytes, POOL_SIZE) != 1)
            return false;
        pool.left = POOL_SIZE;
    }
    pool.left -= n;
    memcpy(out, pool.bytes + pool.left, n);
    OPENSSL_cleanse(pool.bytes + pool.left, n);
    return true;
}

/* randomUUID(): version 4 (RFC 9562 section 5.4) */
static JSValueRef random_uuid(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                              const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)argc;
    (void)argv;
    unsigned char b[UUID_BYTES];
    if (!take_random(b, sizeof(b)))
        return jsvalue_throw(ctx, exception, "there is no randomness");
    b[6] = (b[6] & 0x0F) | 0x40;
    b[8] = (b[8] & 0x3F) | 0x80;
    static const uint8_t groups[] = {4, 2, 2, 2, 6};
    char text[(2 * UUID_BYTES) + sizeof(groups)];
    char *to = text;
    struct str rest = {(const char *)b, sizeof(b)};
    for (size_t i = 0; i < sizeof(groups); i++) {
        if (i > 0)
            *to++ = '-';
        to = hex_encode(to, str_slice(rest, 0, groups[i]));
        rest = str_skip(rest, groups[i]);
    }
    return jsvalue_text(ctx, (struct str){text, (size_t)(to - text)});
}

/* randomFill(view) */
static JSValueRef random_fill(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                              const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct str view = {NULL, 0};
    const JSValueRef v = host_argument(ctx, argc, argv, 0);
    if (!jsvalue_bytes(ctx, v, &view) || view.len > RANDOM_MAX)
        return jsvalue_throw(ctx, exception, "invalid size");
    /* The bytes belong to the view, which JavaScript may write. */
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): it only takes const away */
    if (view.len > 0 && !take_random((unsigned char *)(uintptr_t)view.p, view.len))
        return jsvalue_throw(ctx, exception, "there is no randomness");
    return JSValueMakeUndefined(ctx);
}

/* randomBytes(count) */
static JSValueRef random_bytes(JSContextRef ctx, JSObjectRef function, JSObjectRef this,
                               size_t argc, const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    const double count = host_number(ctx, argc, argv, 0);
    if (!(count >= 1 && count <= RANDOM_MAX))
        return jsvalue_throw(ctx, exception, "invalid size");
    struct buf b;
    buf_init(&b, RANDOM_MAX);
    char *p = buf_reserve(&b, (size_t)count);
    JSValueRef v = NULL;
    if (p != NULL && take_random((unsigned char *)p, (size_t)count)) {
        buf_added(&b, (size_t)count);
        v = jsvalue_array_buffer(ctx, buf_str(&b), exception);
    }
    buf_finish(&b);
    return v != NULL ? v : jsvalue_throw(ctx, exception, "there is no randomness");
}

const struct host_function host_crypto_functions[] = {
    {"hash", hash},
    {"hmac", hmac},
    {"hashUpdate", update},
    {"hashDigest", digest},
    {"hashOnce", hash_once},
    {"hmacOnce", hmac_once},
    {"hmacVerify", hmac_verify},
    {"jwtHmac", jwt_hmac},
    {"equalBytes", equal_bytes},
    {"randomBytes", random_bytes},
    {"randomFill", random_fill},
    {"randomUUID", random_uuid},
    {NULL, NULL},
};
