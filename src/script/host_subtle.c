/* Public keys, signatures and AES-GCM for crypto.subtle and verifyJwt(): OpenSSL's. The library checks algorithms, usages
 * and parameters; what comes here is only converted and computed.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "base/container.h"
#include "base/mem.h"
#include "script/host_groups.h"
#include "script/jsbytes.h"
#include "script/jsvalue.h"

enum { RSA_BITS_MAX = 16384, POINT_MAX = 133, DATA_MAX = 256 * 1024 * 1024, TAG_MAX = 16 };

/* js/runtime/host.ts has the same lists. */
enum key_kind { KEY_NONE, KEY_RSA, KEY_EC, KEY_ED25519 };
enum key_part { PART_SPKI, PART_MODULUS, PART_EXPONENT, PART_POINT };
enum scheme { SCHEME_PKCS1, SCHEME_PSS, SCHEME_ECDSA, SCHEME_EDDSA };

struct curve {
    const char *group;
    size_t field; /* bytes of a coordinate, and of each half of a signature */
};

static const struct curve curves[] = {{"prime256v1", 32}, {"secp384r1", 48}, {"secp521r1", 66}};

struct hash {
    const char *name;
    EVP_MD *md; /* fetched once */
};

/* The members of enum HashAlgorithm that signatures use, at their places. */
static struct hash hashes[] = {
    {NULL, NULL}, {"SHA1", NULL}, {"SHA256", NULL}, {"SHA384", NULL}, {"SHA512", NULL},
};

static void finalize(JSObjectRef object)
{
    EVP_PKEY_free(JSObjectGetPrivate(object));
}

static JSClassRef key_class(void)
{
    static JSClassRef class;
    if (class == NULL) {
        JSClassDefinition definition = kJSClassDefinitionEmpty;
        definition.className = "PublicKey";
        definition.finalize = finalize;
        class = JSClassCreate(&definition);
    }
    return class;
}

/* Takes over key: undefined when it is NULL. */
static JSValueRef key_value(JSContextRef ctx, EVP_PKEY *key)
{
    ERR_clear_error();
    return key != NULL ? JSObjectMake(ctx, key_class(), key) : JSValueMakeUndefined(ctx);
}

/* The key behind argument 0; NULL when it is none. */
static EVP_PKEY *key_of(JSContextRef ctx, size_t argc, const JSValueRef argv[])
{
    const JSValueRef v = host_argument(ctx, argc, argv, 0);
    if (!JSValueIsObjectOfClass(ctx, v, key_class()))
        return NULL;
    JSObjectRef object = JSValueToObject(ctx, v, NULL);
    return object != NULL ? JSObjectGetPrivate(object) : NULL;
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *builder)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *k = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params == NULL || k == NULL || EVP_PKEY_fromdata_init(k) != 1 ||
        EVP_PKEY_fromdata(k, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(k);
    OSSL_PARAM_free(params);
    return key;
}

static EVP_PKEY *make_rsa(struct str modulus, struct str exponent)
{
    if (modulus.len > RSA_BITS_MAX / 8 || exponent.len > RSA_BITS_MAX / 8)
        return NULL;
    BIGNUM *n = BN_bin2bn((const unsigned char *)modulus.p, (int)modulus.len, NULL);
    BIGNUM *e = BN_bin2bn((const unsigned char *)exponent.p, (int)exponent.len, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;
    if (n != NULL && e != NULL && builder != NULL && BN_is_odd(n) && BN_is_odd(e) &&
        BN_num_bits(n) >= 256 && !BN_is_one(e) &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        key = from_params("RSA", builder);
    OSSL_PARAM_BLD_free(builder);
    BN_free(e);
    BN_free(n);
    return key;
}

/* A point as SEC 1 writes it, not compressed; it must be on the curve. */
static EVP_PKEY *make_ec(const struct curve *c, struct str point)
{
    if (point.len != 1 + (2 * c->field) || point.p[0] != 4)
        return NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;
    if (builder != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, c->group, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point.p, point.len) == 1)
        key = from_params("EC", builder);
    OSSL_PARAM_BLD_free(builder);
    return key;
}

/* keyRsa(modulus, exponent): both big-endian. As the other makers of keys, undefined when there is no such key. */
static JSValueRef key_rsa(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                          const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)exception;
    struct jsbytes modulus;
    struct jsbytes exponent = {.copy = NULL};
    EVP_PKEY *key = NULL;
    if (jsbytes_open(&modulus, ctx, host_argument(ctx, argc, argv, 0)) &&
        jsbytes_open(&exponent, ctx, host_argument(ctx, argc, argv, 1)))
        key = make_rsa(modulus.s, exponent.s);
    jsbytes_close(&exponent);
    jsbytes_close(&modulus);
    return key_value(ctx, key);
}

/* keyEc(curve, point) */
static JSValueRef key_ec(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                         const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)exception;
    const double curve = host_number(ctx, argc, argv, 0);
    const size_t count = ARRAY_LEN(curves);
    struct jsbytes point;
    EVP_PKEY *key = NULL;
    if (jsbytes_open(&point, ctx, host_argument(ctx, argc, argv, 1)) && curve >= 0 &&
        curve < (double)count)
        key = make_ec(&curves[(size_t)curve], point.s);
    jsbytes_close(&point);
    return key_value(ctx, key);
}

/* keyEd25519(bytes) */
static JSValueRef key_ed25519(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                              const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)exception;
    struct jsbytes raw;
    EVP_PKEY *key = NULL;
    if (jsbytes_open(&raw, ctx, host_argument(ctx, argc, argv, 0)))
        key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)raw.s.p,
                                          raw.s.len);
    jsbytes_close(&raw);
    return key_value(ctx, key);
}

/* keySpki(der): a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) and nothing after it */
static JSValueRef key_spki(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                           const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)exception;
    struct jsbytes der;
    EVP_PKEY *key = NULL;
    if (jsbytes_open(&der, ctx, host_argument(ctx, argc, argv, 0))) {
        const unsigned char *p = (const unsigned char *)der.s.p;
        key = der.s.len > 0 ? d2i_PUBKEY(NULL, &p, (long)der.s.len) : NULL;
        if (key != NULL && p != (const unsigned char *)der.s.p + der.s.len) {
            EVP_PKEY_free(key);
            key = NULL;
        }
    }
    jsbytes_close(&der);
    return key_value(ctx, key);
}

/* The index of an EC key's curve; -1 when it is none of ours or was spelled out instead of named. */
static int curve_of(EVP_PKEY *key)
{
    char group[32];
    int is_explicit = 0;
    if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
                                       NULL) != 1)
        return -1;
    (void)EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                                 &is_explicit);
    for (size_t i = 0; i < ARRAY_LEN(curves) && is_explicit == 0; i++)
        if (strcmp(group, curves[i].group) == 0)
            return (int)i;
    return -1;
}

static enum key_kind kind_of(EVP_PKEY *key)
{
    if (key == NULL)
        return KEY_NONE;
    if (EVP_PKEY_is_a(key, "RSA"))
        return EVP_PKEY_get_bits(key) <= RSA_BITS_MAX ? KEY_RSA : KEY_NONE;
    if (EVP_PKEY_is_a(key, "EC"))
        return curve_of(key) >= 0 ? KEY_EC : KEY_NONE;
    return EVP_PKEY_is_a(key, "ED25519") ? KEY_ED25519 : KEY_NONE;
}

/* keyKind(key) */
static JSValueRef key_kind(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                           const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)exception;
    return JSValueMakeNumber(ctx, kind_of(key_of(ctx, argc, argv)));
}

/* keySize(key): bits of an RSA modulus, or which curve */
static JSValueRef key_size(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                           const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)exception;
    EVP_PKEY *key = key_of(ctx, argc, argv);
    const enum key_kind kind = kind_of(key);
    return JSValueMakeNumber(ctx, kind == KEY_EC    ? curve_of(key)
                                  : kind == KEY_RSA ? EVP_PKEY_get_bits(key)
                                                    : 0);
}

static JSValueRef number_part(JSContextRef ctx, EVP_PKEY *key, const char *name,
                              JSValueRef *exception)
{
    unsigned char out[RSA_BITS_MAX / 8];
    BIGNUM *n = NULL;
    if (EVP_PKEY_get_bn_param(key, name, &n) != 1)
        return JSValueMakeUndefined(ctx);
    const int len = BN_bn2bin(n, out);
    BN_free(n);
    return jsvalue_array_buffer(ctx, (struct str){(const char *)out, (size_t)len}, exception);
}

static JSValueRef point_part(JSContextRef ctx, EVP_PKEY *key, JSValueRef *exception)
{
    unsigned char out[POINT_MAX];
    size_t len = sizeof(out);
    const bool ok = kind_of(key) == KEY_ED25519
                        ? EVP_PKEY_get_raw_public_key(key, out, &len) == 1
                        : EVP_PKEY_set_utf8_string_param(
                              key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                              OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) == 1 &&
                              EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, out,
                                                              sizeof(out), &len) == 1;
    if (!ok)
        return JSValueMakeUndefined(ctx);
    return jsvalue_array_buffer(ctx, (struct str){(const char *)out, len}, exception);
}

static JSValueRef spki_part(JSContextRef ctx, EVP_PKEY *key, JSValueRef *exception)
{
    unsigned char *der = NULL;
    const int len = i2d_PUBKEY(key, &der);
    if (len <= 0)
        return JSValueMakeUndefined(ctx);
    const JSValueRef v =
        jsvalue_array_buffer(ctx, (struct str){(const char *)der, (size_t)len}, exception);
    OPENSSL_free(der);
    return v;
}

/* keyPart(key, part): undefined when it has no such part */
static JSValueRef key_part(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                           const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    EVP_PKEY *key = key_of(ctx, argc, argv);
    JSValueRef v = JSValueMakeUndefined(ctx);
    if (key == NULL)
        return v;
    switch ((enum key_part)host_number(ctx, argc, argv, 1)) {
    case PART_SPKI:
        v = spki_part(ctx, key, exception);
        break;
    case PART_MODULUS:
        v = number_part(ctx, key, OSSL_PKEY_PARAM_RSA_N, exception);
        break;
    case PART_EXPONENT:
        v = number_part(ctx, key, OSSL_PKEY_PARAM_RSA_E, exception);
        break;
    case PART_POINT:
        v = point_part(ctx, key, exception);
        break;
    }
    ERR_clear_error();
    return v;
}

static const EVP_MD *hash_of(double index)
{
    const size_t count = ARRAY_LEN(hashes);
    if (!(index >= 1 && index < (double)count))
        return NULL;
    struct hash *h = &hashes[(size_t)index];
    if (h->md == NULL)
        h->md = EVP_MD_fetch(NULL, h->name, NULL);
    return h->md;
}

/* The two halves of a signature (IEEE P1363) as DER, which OpenSSL wants. NULL when they are not two halves; the caller
 * frees it with OPENSSL_free(). */
static unsigned char *ecdsa_der(EVP_PKEY *key, struct str signature, int *len)
{
    const int curve = curve_of(key);
    if (curve < 0 || signature.len != 2 * curves[curve].field)
        return NULL;
    const int half = (int)curves[curve].field;
    const unsigned char *p = (const unsigned char *)signature.p;
    ECDSA_SIG *s = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(p, half, NULL);
    BIGNUM *t = BN_bin2bn(p + half, half, NULL);
    unsigned char *der = NULL;
    if (s != NULL && r != NULL && t != NULL && ECDSA_SIG_set0(s, r, t) == 1) {
        r = NULL;
        t = NULL;
        *len = i2d_ECDSA_SIG(s, &der);
    }
    BN_free(t);
    BN_free(r);
    ECDSA_SIG_free(s);
    return der;
}

/* How a signature is checked. */
struct check {
    enum scheme scheme;
    const EVP_MD *md; /* NULL for EdDSA */
    int salt;         /* bytes, of RSA-PSS */
};

static bool fits(EVP_PKEY *key, const struct check *c)
{
    const enum key_kind kind = kind_of(key);
    switch (c->scheme) {
    case SCHEME_PKCS1:
    case SCHEME_PSS:
        return kind == KEY_RSA && c->md != NULL;
    case SCHEME_ECDSA:
        return kind == KEY_EC && c->md != NULL;
    case SCHEME_EDDSA:
        return kind == KEY_ED25519 && c->md == NULL;
    }
    return false;
}

static bool set_padding(EVP_PKEY_CTX *p, const struct check *c)
{
    if (c->scheme != SCHEME_PSS)
        return true;
    return EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(p, c->salt) == 1;
}

static bool verify_der(EVP_PKEY *key, const struct check *c, struct str signature, struct str data)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *p = NULL;
    const unsigned char *text = (const unsigned char *)(data.len > 0 ? data.p : "");
    const bool ok =
        md != NULL && EVP_DigestVerifyInit(md, &p, c->md, NULL, key) == 1 && set_padding(p, c) &&
        EVP_DigestVerify(md, (const unsigned char *)signature.p, signature.len, text, data.len) ==
            1;
    EVP_MD_CTX_free(md);
    return ok;
}

static bool verify(EVP_PKEY *key, const struct check *c, struct str signature, struct str data)
{
    if (!fits(key, c) || signature.len == 0)
        return false;
    /* RFC 8017, section 8.1.2, step 1: OpenSSL takes one of RSA-PSS without its leading zeros too. */
    if (c->scheme != SCHEME_ECDSA)
        return signature.len == (size_t)EVP_PKEY_get_size(key) &&
               verify_der(key, c, signature, data);
    int len = 0;
    unsigned char *der = ecdsa_der(key, signature, &len);
    const bool ok = der != NULL && len > 0 &&
                    verify_der(key, c, (struct str){(const char *)der, (size_t)len}, data);
    OPENSSL_free(der);
    return ok;
}

/* keyVerify(key, scheme, hash, salt, signature, data) */
static JSValueRef key_verify(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                             const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    EVP_PKEY *key = key_of(ctx, argc, argv);
    if (key == NULL)
        return jsvalue_throw(ctx, exception, "a key is expected");
    const struct check c = {.scheme = (enum scheme)host_number(ctx, argc, argv, 1),
                            .md = hash_of(host_number(ctx, argc, argv, 2)),
                            .salt = (int)host_number(ctx, argc, argv, 3)};
    struct jsbytes signature;
    struct jsbytes data = {.copy = NULL};
    const bool ok = jsbytes_open(&signature, ctx, host_argument(ctx, argc, argv, 4)) &&
                    jsbytes_open(&data, ctx, host_argument(ctx, argc, argv, 5)) &&
                    verify(key, &c, signature.s, data.s);
    jsbytes_close(&data);
    jsbytes_close(&signature);
    ERR_clear_error();
    return JSValueMakeBoolean(ctx, ok);
}

/* One message of AES-GCM (NIST SP 800-38D); in ends with the tag when it is decrypted, out when it is encrypted. */
struct gcm {
    bool encrypt;
    struct str key;
    struct str iv;
    struct str more; /* additional data */
    size_t tag;      /* bytes */
    struct str in;
};

static const EVP_CIPHER *gcm_cipher(size_t key_len)
{
    static EVP_CIPHER *ciphers[3];
    static const char *const names[3] = {"AES-128-GCM", "AES-192-GCM", "AES-256-GCM"};
    if (key_len != 16 && key_len != 24 && key_len != 32)
        return NULL;
    const size_t i = (key_len / 8) - 2;
    if (ciphers[i] == NULL)
        ciphers[i] = EVP_CIPHER_fetch(NULL, names[i], NULL);
    return ciphers[i];
}

static bool gcm_begin(EVP_CIPHER_CTX *c, const struct gcm *g)
{
    const EVP_CIPHER *cipher = gcm_cipher(g->key.len);
    int n = 0;
    return cipher != NULL && EVP_CipherInit_ex(c, cipher, NULL, NULL, NULL, g->encrypt) == 1 &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, (int)g->iv.len, NULL) == 1 &&
           EVP_CipherInit_ex(c, NULL, NULL, (const unsigned char *)g->key.p,
                             (const unsigned char *)g->iv.p, g->encrypt) == 1 &&
           (g->more.len == 0 ||
            EVP_CipherUpdate(c, NULL, &n, (const unsigned char *)g->more.p, (int)g->more.len) == 1);
}

/* Runs the cipher over len bytes of g->in, and ends it. */
static bool gcm_run(EVP_CIPHER_CTX *c, const struct gcm *g, size_t len, unsigned char *out)
{
    int n = 0;
    if (len > 0 && EVP_CipherUpdate(c, out, &n, (const unsigned char *)g->in.p, (int)len) != 1)
        return false;
    if (g->encrypt)
        return EVP_CipherFinal_ex(c, out + n, &n) == 1 &&
               EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, (int)g->tag, out + len) == 1;
    unsigned char tag[TAG_MAX];
    memcpy(tag, g->in.p + len, g->tag);
    return EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, (int)g->tag, tag) == 1 &&
           EVP_CipherFinal_ex(c, out + n, &n) == 1;
}

/* The result, malloc()ed; NULL when the tag is wrong or the parameters are not OpenSSL's. */
static unsigned char *gcm(const struct gcm *g, size_t *ret_len)
{
    if (g->in.len > DATA_MAX || g->more.len > DATA_MAX || g->iv.len == 0 || g->iv.len > DATA_MAX ||
        g->tag > TAG_MAX || (!g->encrypt && g->in.len < g->tag))
        return NULL;
    const size_t len = g->encrypt ? g->in.len : g->in.len - g->tag;
    *ret_len = g->encrypt ? len + g->tag : len;
    unsigned char *out = mem_alloc(*ret_len + 1);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    const bool ok = c != NULL && gcm_begin(c, g) && gcm_run(c, g, len, out);
    EVP_CIPHER_CTX_free(c);
    if (ok)
        return out;
    OPENSSL_cleanse(out, *ret_len);
    free(out);
    return NULL;
}

enum { GCM_TEXTS = 4 };

/* aesGcm(encrypt, tagBytes, key, iv, additionalData, data): undefined when it fails */
static JSValueRef aes_gcm(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                          const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct jsbytes in[GCM_TEXTS];
    bool ok = true;
    for (size_t i = 0; i < GCM_TEXTS; i++)
        ok = jsbytes_open(&in[i], ctx, host_argument(ctx, argc, argv, i + 2)) && ok;
    const struct gcm g = {.encrypt = host_flag(ctx, argc, argv, 0),
                          .tag = (size_t)host_number(ctx, argc, argv, 1),
                          .key = in[0].s,
                          .iv = in[1].s,
                          .more = in[2].s,
                          .in = in[3].s};
    size_t len = 0;
    unsigned char *out = ok ? gcm(&g, &len) : NULL;
    const JSValueRef v =
        out != NULL ? jsvalue_array_buffer(ctx, (struct str){(const char *)out, len}, exception)
                    : JSValueMakeUndefined(ctx);
    free(out);
    for (size_t i = 0; i < GCM_TEXTS; i++)
        jsbytes_close(&in[i]);
    ERR_clear_error();
    return v;
}

const struct host_function host_subtle_functions[] = {
    {"keyRsa", key_rsa},   {"keyEc", key_ec},         {"keyEd25519", key_ed25519},
    {"keySpki", key_spki}, {"keyKind", key_kind},     {"keySize", key_size},
    {"keyPart", key_part}, {"keyVerify", key_verify}, {"aesGcm", aes_gcm},
    {NULL, NULL},
};
