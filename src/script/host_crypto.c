/* Hashes, HMAC and random bytes for dgate/crypto: OpenSSL's. */
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

#include "script/host_groups.h"
#include "script/jsvalue.h"
#include "script/script_vm.h"

enum { KEY_MAX = 1024 * 1024, RANDOM_MAX = 65536 };

/* A hash or an HMAC under way: the private data of a JavaScript object. */
struct digest {
    EVP_MD_CTX *hash;
    EVP_MAC_CTX *mac;
};

struct algorithm {
    const char *name;
    const char *openssl;
    EVP_MD *md; /* fetched once: that takes longer than a short hash */
};

static struct algorithm algorithms[] = {
    {"md5", "MD5", NULL},
    {"sha1", "SHA1", NULL},
    {"sha256", "SHA256", NULL},
    {"sha384", "SHA384", NULL},
    {"sha512", "SHA512", NULL},
    {"sha512-224", "SHA512-224", NULL},
    {"sha512-256", "SHA512-256", NULL},
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

/* NULL when the name is not one of ours. */
static struct algorithm *find(JSContextRef ctx, size_t argc, const JSValueRef argv[])
{
    char name[32];
    JSStringRef given = JSValueToStringCopy(ctx, host_argument(ctx, argc, argv, 0), NULL);
    if (given == NULL)
        return NULL;
    const size_t len = JSStringGetUTF8CString(given, name, sizeof(name));
    JSStringRelease(given);
    for (size_t i = 0; len > 0 && i < ARRAY_LEN(algorithms); i++) {
        struct algorithm *a = &algorithms[i];
        if (strcmp(name, a->name) != 0)
            continue;
        if (a->md == NULL)
            a->md = EVP_MD_fetch(NULL, a->openssl, NULL);
        return a->md != NULL ? a : NULL;
    }
    return NULL;
}

static JSValueRef make_object(JSContextRef ctx, struct digest d)
{
    struct digest *copy = malloc(sizeof(*copy));
    if (copy == NULL)
        abort();
    *copy = d;
    return JSObjectMake(ctx, digest_class(), copy);
}

/* hash(algorithm): undefined when there is no such */
static JSValueRef hash(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                       const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    const struct algorithm *a = find(ctx, argc, argv);
    if (a == NULL)
        return JSValueMakeUndefined(ctx);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    if (md == NULL || EVP_DigestInit_ex2(md, a->md, NULL) != 1) {
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

/* hmac(algorithm, key) */
static JSValueRef hmac(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                       const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    const struct algorithm *a = find(ctx, argc, argv);
    if (a == NULL)
        return JSValueMakeUndefined(ctx);
    struct buf key;
    buf_init(&key, KEY_MAX);
    EVP_MAC_CTX *mac = NULL;
    if (jsvalue_add_data(ctx, host_argument(ctx, argc, argv, 1), &key))
        mac = begin_hmac(a, buf_str(&key));
    buf_finish(&key);
    if (mac == NULL)
        return jsvalue_throw(ctx, exception, "the key is not usable");
    return make_object(ctx, (struct digest){.mac = mac});
}

/* The digest behind the first argument; NULL when it is none. */
static struct digest *digest_of(JSContextRef ctx, size_t argc, const JSValueRef argv[])
{
    const JSValueRef v = host_argument(ctx, argc, argv, 0);
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
    const struct digest *d = digest_of(ctx, argc, argv);
    const JSValueRef data = host_argument(ctx, argc, argv, 1);
    struct str view = {NULL, 0};
    bool ok = d != NULL;
    if (ok && !JSValueIsString(ctx, data) && jsvalue_bytes(ctx, data, &view)) {
        ok = feed(d, view);
    } else if (ok) {
        size_t len = 0;
        char *copy = jsvalue_copy(ctx, data, &len);
        ok = copy != NULL && feed(d, (struct str){copy, len});
        free(copy);
    }
    return ok ? JSValueMakeUndefined(ctx) : jsvalue_throw(ctx, exception, "the hash failed");
}

/* hashDigest(hash): once */
static JSValueRef digest(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                         const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    const struct digest *d = digest_of(ctx, argc, argv);
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
    return jsvalue_array_buffer(ctx, s, exception);
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
    if (p != NULL && RAND_bytes((unsigned char *)p, (int)count) == 1) {
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
    {"randomBytes", random_bytes},
    {NULL, NULL},
};
