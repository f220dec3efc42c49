/* The skeleton of replies, compiled: what skeleton.py does, byte for byte, and a hash of it.
 *
 * Portable C99 over Python's stable ABI. Works on Arrow's buffers without the interpreter's lock.
 * skeleton.py is the definition; a test holds both to the same outcome. Where a text is not plain
 * (control characters) the raw bytes are hashed instead: then equal hashes still mean
 * equal templates, which is all that the caller relies on.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CHARS = 4000, ROOM = 16384, OUT_ROOM = 6 * ROOM + 64 };
enum { RUN = 1, DIGIT = 2, LETTER = 4, AT = 8, DOT = 16, COLON = 32, SPACE = 64, ODD = 128 };
#define SIGNS 39

static uint8_t kind[256], lower[256];

static void fill_tables(void) {
    for (int c = 0; c < 256; c++) {
        lower[c] = (uint8_t)((c >= 'A' && c <= 'Z') ? c + 32 : c);
        kind[c] = (c < 32 || c == 127) ? ODD : 0;
        if (lower[c] >= 'a' && lower[c] <= 'z') kind[c] = RUN | LETTER;
        if (c >= '0' && c <= '9') kind[c] = RUN | DIGIT;
    }
    kind['_'] = kind['#'] = kind['+'] = kind['-'] = RUN;
    kind['.'] = RUN | DOT;
    kind['@'] = RUN | AT;
    kind[':'] = RUN | COLON;
    kind[' '] = kind['\t'] = kind['\n'] = kind['\r'] = SPACE;
    lower['`'] = '\'';
}

/* What must not be masked, as Python laid it out: three sets of hashes, two filters that tell by
 * the last eight bytes what is in no set, then the automaton. */
typedef struct {
    const uint64_t *tlds, *hosts, *addresses, *host_filter, *address_filter;
    uint64_t tld_mask, host_mask, address_mask;
    uint64_t short_hosts; /* bit n: there are hosts of n < 8 bytes */
    const uint16_t *states; /* high bit: accepting */
    uint64_t state_count;
} Keep;

enum { HEAD = 5, FILTER = 64 };

static int open_keep(Keep *keep, const Py_buffer *blob) {
    const uint64_t *head = (const uint64_t *)blob->buf;
    if (blob->len < HEAD * 8) return 0;
    uint64_t words = HEAD + head[0] + head[1] + head[2] + 2 * FILTER;
    if ((uint64_t)blob->len < words * 8 + head[3] * SIGNS * 2) return 0;
    keep->tlds = head + HEAD;
    keep->hosts = keep->tlds + head[0];
    keep->addresses = keep->hosts + head[1];
    keep->host_filter = keep->addresses + head[2];
    keep->address_filter = keep->host_filter + FILTER;
    keep->states = (const uint16_t *)(keep->address_filter + FILTER);
    keep->tld_mask = head[0] - 1;
    keep->host_mask = head[1] - 1;
    keep->address_mask = head[2] - 1;
    keep->state_count = head[3];
    keep->short_hosts = head[4] & 0xfe;
    return 1;
}

#define FNV_START 14695981039346656037ULL
#define FNV_PRIME 1099511628211ULL
#define TAIL_PRIME 0x9e3779b97f4a7c15ULL

static int in_set(const uint64_t *slots, uint64_t mask, uint64_t hash) {
    if (!hash) hash = 1;
    for (uint64_t at = hash & mask; slots[at]; at = (at + 1) & mask)
        if (slots[at] == hash) return 1;
    return 0;
}

static int sign_index(uint8_t c) {
    if (c >= 'a' && c <= 'z') return c - 'a';
    if (c >= '0' && c <= '9') return 26 + c - '0';
    return c == '_' ? 36 : c == '#' ? 37 : c == '-' ? 38 : -1;
}

/* Whether `n` letters are a top-level domain: up to eight are one number, hashed at once. */
static int is_tld(const Keep *keep, const uint8_t *p, size_t n) {
    uint64_t hash = FNV_START, key = 0;
    if (n > 24) return 0;
    if (n > 8) {
        for (size_t i = n; i-- > 0;) hash = (hash ^ p[i]) * FNV_PRIME;
    } else {
        for (size_t i = 0; i < n; i++) key |= (uint64_t)p[i] << (8 * i);
        hash = key * TAIL_PRIME;
        hash ^= hash >> 32;
    }
    return in_set(keep->tlds, keep->tld_mask, hash);
}

static int has_code(const Keep *keep, const uint8_t *p, size_t n) {
    if (keep->state_count && n <= 40) {
        uint16_t state = 1;
        size_t i = 0;
        for (; i < n; i++) {
            int sign = sign_index(p[i]);
            if (sign < 0) break;
            state = keep->states[(size_t)(state & 0x7fff) * SIGNS + (size_t)sign];
            if (!(state & 0x7fff)) break;
        }
        if (i == n && (state & 0x8000)) return 1;
    }
    return 0;
}

static int is_kept_address(const Keep *keep, const uint8_t *p, size_t n) {
    uint64_t hash = FNV_START;
    for (size_t i = n; i-- > 0;) hash = (hash ^ p[i]) * FNV_PRIME;
    return in_set(keep->addresses, keep->address_mask, hash);
}

#define is_digit(c) ((c) >= '0' && (c) <= '9')
#define is_letter(c) ((c) >= 'a' && (c) <= 'z')

static inline uint8_t *put(uint8_t *out, const char *words) {
    size_t n = strlen(words);
    memcpy(out, words, n);
    return out + n;
}

static uint8_t *copy(uint8_t *out, const uint8_t *p, size_t n) {
    memcpy(out, p, n);
    return out + n;
}

/* "550" or "5.1.1", alone or before a dash; its length, or 0 */
static size_t code_length(const uint8_t *p, size_t n) {
    if (n >= 3 && (p[0] == '2' || p[0] == '4' || p[0] == '5') && p[1] >= '0' && p[1] <= '7' &&
        is_digit(p[2]) && (n == 3 || p[3] == '-'))
        return 3;
    return 0;
}

static size_t status_length(const uint8_t *p, size_t n) {
    if (n < 5 || !(p[0] == '2' || p[0] == '4' || p[0] == '5') || p[1] != '.') return 0;
    size_t at = 2;
    for (int part = 0; part < 2; part++) {
        size_t digits = 0;
        while (at < n && is_digit(p[at]) && digits < 3) at++, digits++;
        if (!digits) return 0;
        if (part == 0) {
            if (at >= n || p[at] != '.') return 0;
            at++;
        }
    }
    return (at == n || p[at] == '-') ? at : 0;
}

static int is_v4(const uint8_t *p, size_t n) {
    int dots = 0, digits = 0;
    if (n > 15) return 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '.') {
            if (!digits) return 0;
            dots++;
            digits = 0;
        } else if (!is_digit(p[i]) || ++digits > 3) {
            return 0;
        }
    }
    return dots == 3 && digits;
}

static uint8_t *put_word(const Keep *keep, const uint8_t *p, size_t n, uint8_t *out, int after_dot) {
    int digits = 0, others = 0;
    for (size_t i = 0; i < n; i++) is_digit(p[i]) ? digits++ : others++;
    if (!digits) return n <= 40 ? copy(out, p, n) : put(out, "<id>");
    if (has_code(keep, p, n) || (!after_dot && n == 3 && code_length(p, n))) return copy(out, p, n);
    return put(out, others ? "<id>" : "<n>");
}

/* A host name: two labels or more, the last one known; returns 0 if it is none. */
static uint8_t *put_host(const Keep *keep, const uint8_t *p, size_t n, uint8_t *out) {
    size_t label = 0, last_dot = 0;
    int labels = 1;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '.') {
            if (label < 1 || label > 63) return 0;
            label = 0;
            last_dot = i;
            labels++;
        } else if (is_letter(p[i]) || is_digit(p[i]) || p[i] == '_' || p[i] == '-') {
            label++;
        } else {
            return 0;
        }
    }
    if (labels < 2) return 0;
    const uint8_t *last = p + last_dot + 1;
    if (label > 4 && !memcmp(last, "xn--", 4)) {
        if (label < 6 || label > 44) return 0;
        for (size_t i = 0; i < label; i++)
            if (last[i] == '_') return 0;
    } else {
        if (label < 2 || label > 24) return 0;
        for (size_t i = 0; i < label; i++)
            if (!is_letter(last[i])) return 0;
        if (!is_tld(keep, last, label)) return 0;
    }
    /* the longest domain that is kept, and before it at most three labels */
    uint64_t hash = FNV_START;
    size_t kept = n;
    for (size_t i = n; i-- > 0;) {
        hash = (hash ^ p[i]) * FNV_PRIME;
        if ((i == 0 || p[i - 1] == '.') && i <= last_dot &&
            in_set(keep->hosts, keep->host_mask, hash))
            kept = i;
    }
    if (kept == n) return put(out, "<host>");
    size_t start = kept;
    for (int front = 0; front < 3 && start > 0; front++) {
        start--;
        while (start > 0 && p[start - 1] != '.') start--;
    }
    while (start < kept) {
        size_t end = start, letters = 0;
        while (p[end] != '.') letters += is_letter(p[end]), end++;
        out = (letters == end - start) ? copy(out, p + start, letters) : put(out, "<n>");
        *out++ = '.';
        start = end + 1;
    }
    return copy(out, p + kept, n - kept);
}

static uint8_t *put_words(const Keep *keep, const uint8_t *p, size_t n, uint8_t *out) {
    size_t start = 0;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && p[i] != '.' && p[i] != '#' && p[i] != '@' && p[i] != '+') continue;
        if (start < i) out = put_word(keep, p + start, i - start, out, start && p[start - 1] == '.');
        if (i < n) *out++ = p[i];
        start = i + 1;
    }
    return out;
}

static int is_trimmed(uint8_t c) { return c == '.' || c == '#' || c == '+' || c == '-'; }

/* skeleton.py's _piece_parts and _core_parts; recursion there is the loop here. */
static uint8_t *put_piece(const Keep *keep, const uint8_t *p, size_t n, uint8_t *out) {
    while (n) {
        while (n && is_trimmed(*p)) *out++ = *p++, n--;
        size_t core = n;
        while (core && is_trimmed(p[core - 1])) core--;
        const uint8_t *tail = p + core;
        size_t tail_length = n - core, size;
        int bits = 0;
        const uint8_t *sign = 0;
        for (size_t i = 0; i < core; i++) {
            bits |= kind[p[i]];
            if (p[i] == '@' && !sign) sign = p + i;
        }
        if (!core) return out;
        if (!(bits & (DIGIT | AT | DOT))) {
            out = core <= 40 ? copy(out, p, core) : put(out, "<id>");
        } else if (has_code(keep, p, core) ||
                   ((bits & (AT | DOT)) && is_kept_address(keep, p, core))) {
            out = copy(out, p, core);
        } else if ((size = code_length(p, core)) || (size = status_length(p, core))) {
            out = copy(out, p, size);
            if (size < core) {
                *out++ = '-';
                /* the rest and the tail are one piece: both ends are trimmed alike */
                p += size + 1;
                n = core - size - 1 + tail_length;
                continue;
            }
        } else if (sign == p) {
            *out++ = '@';
            p++;
            n = core - 1 + tail_length;
            continue;
        } else if (sign) {
            size_t end = core;
            for (const uint8_t *c = sign; c + 1 < p + core; c++)
                if (c[0] == '.' && c[1] == '.') {
                    end = (size_t)(c - p);
                    break;
                }
            out = put(out, "<addr>");
            if (end < core) {
                n = core - end + tail_length;
                p += end;
                continue;
            }
        } else if (is_v4(p, core)) {
            out = put(out, "<ip>");
        } else {
            int only_numbers = 1;
            for (size_t i = 0; i < core; i++)
                if (!is_digit(p[i]) && p[i] != '.') only_numbers = 0;
            uint8_t *after = only_numbers ? put(out, "<n>") : put_host(keep, p, core, out);
            out = after ? after : put_words(keep, p, core, out);
        }
        return copy(out, tail, tail_length);
    }
    return out;
}

static int is_v6(const uint8_t *p, size_t n) {
    int pairs = 0, colons = 0;
    if (n < 2 || n > 45) return 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = p[i];
        if (!(is_digit(c) || (c >= 'a' && c <= 'f') || c == ':' || c == '.')) return 0;
        if (c == ':') {
            colons++;
            if (i + 1 < n && p[i + 1] == ':') pairs++;
        }
    }
    return (pairs == 1 && colons <= 7) || (pairs == 0 && colons == 7);
}

static uint8_t *put_run(const Keep *keep, const uint8_t *p, size_t n, int colons, uint8_t *out) {
    if (colons > 1) {
        size_t start = (n > 5 && !memcmp(p, "ipv6:", 5)) ? 5 : 0, end = n;
        while (end > start && p[end - 1] == '.') end--;
        if (end > start && p[end - 1] == ':' && !(end > start + 1 && p[end - 2] == ':')) end--;
        if (is_v6(p + start, end - start)) {
            out = copy(out, p, start);
            out = put(out, "<ip>");
            return copy(out, p + end, n - end);
        }
    }
    size_t start = 0;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && p[i] != ':') continue;
        out = put_piece(keep, p + start, i - start, out);
        if (i < n) *out++ = ':';
        start = i + 1;
    }
    return out;
}

static uint8_t *put_run_counted(const Keep *keep, const uint8_t *p, size_t n, uint8_t *out) {
    int colons = 0;
    for (size_t i = 0; i < n; i++) colons += p[i] == ':';
    return put_run(keep, p, n, colons, out);
}

#if defined(__GNUC__) && defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#include "_kernel_rows.h"
#else
#define quick_skeleton(keep, p, n, room, out) (-2)
#endif

/* "&lt;" and its like: the character, and how long the entity is; 0 if it is none */
static uint8_t entity(const uint8_t *p, size_t n, size_t *length) {
    static const char *const names[] = {"lt;", "gt;", "amp;", "quot;", "apos;", "nbsp;",
                                        "#39;", "#34;", "#60;", "#62;"};
    static const char signs[] = "<>&\"' '\"<>";
    for (int i = 0; i < 10; i++) {
        size_t size = strlen(names[i]), at = 0;
        if (n <= size) continue;
        while (at < size && lower[p[1 + at]] == (uint8_t)names[i][at]) at++;
        if (at == size) {
            *length = size + 1;
            return (uint8_t)signs[i];
        }
    }
    return 0;
}

/* Invisible characters are taken out of texts and may join what they part: U+00AD, U+200B–200F,
 * U+202A–202E, U+2060–2069, U+FEFF, U+FFF9–FFFB */
static int is_invisible(const uint8_t *p, size_t n) {
    if (p[0] == 0xC2) return n > 1 && p[1] == 0xAD;
    if (n < 3) return 0;
    if (p[0] == 0xE2)
        return (p[1] == 0x80 && ((p[2] >= 0x8B && p[2] <= 0x8F) || (p[2] >= 0xAA && p[2] <= 0xAE))) ||
               (p[1] == 0x81 && p[2] >= 0xA0 && p[2] <= 0xA9);
    return p[0] == 0xEF && ((p[1] == 0xBB && p[2] == 0xBF) ||
                            (p[1] == 0xBF && p[2] >= 0xB9 && p[2] <= 0xBB));
}

/* The length of the first 4,000 characters of UTF-8 text. */
static size_t within_limit(const uint8_t *p, size_t n) {
    size_t chars = 0;
    if (n <= MOST_CHARS) return n;
    for (size_t i = 0; i < n; i++)
        if ((p[i] & 0xC0) != 0x80 && ++chars > MOST_CHARS) return i;
    return n;
}

/* The skeleton of a text into `out`; its length, or -1 where the text is not plain. */
static Py_ssize_t skeleton(const Keep *keep, const uint8_t *p, size_t n, uint8_t *out) {
    const uint8_t *end;
    uint8_t *start = out;
    uint8_t run[ROOM];
    n = within_limit(p, n);
    if (n > ROOM) return -1;
    end = p + n;
    int waiting = 0; /* a space that is written only if something follows */
    while (p < end) {
        uint8_t c = *p, bits = kind[c];
        if (bits & RUN) {
            if (waiting) *out++ = ' ', waiting = 0;
            uint8_t *from = out;
            int colons = 0;
            do {
                bits |= kind[*p];
                colons += *p == ':';
                *out++ = lower[*p++];
            } while (p < end && (kind[*p] & RUN));
            if (!(bits & (DIGIT | AT | DOT | COLON)) && out - from <= 40) continue;
            if (!(bits & (DIGIT | AT | COLON)) && out - from <= 40 &&
                memchr(from, '.', (size_t)(out - from)) == out - 1)
                continue; /* the end of a sentence */
            size_t length = (size_t)(out - from);
            memcpy(run, from, length);
            out = put_run(keep, run, length, colons, from);
        } else if (bits & SPACE) {
            waiting = out > start;
            p++;
        } else if (c == '&') {
            size_t length = 1;
            uint8_t sign = entity(p, (size_t)(end - p), &length);
            p += length;
            if (sign == ' ') {
                waiting = out > start;
            } else {
                if (waiting) *out++ = ' ', waiting = 0;
                *out++ = sign ? sign : '&';
            }
        } else if ((bits & ODD) || (c >= 0xC2 && is_invisible(p, (size_t)(end - p)))) {
            return -1;
        } else {
            if (waiting) *out++ = ' ', waiting = 0;
            *out++ = lower[c];
            p++;
        }
    }
    return out - start;
}

static uint64_t mixed(uint64_t h) {
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93ULL;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93ULL;
    return h ^ (h >> 32);
}

static uint64_t hashed(const uint8_t *p, size_t n, uint64_t seed) {
    uint64_t a = seed ^ (n * 0x9e3779b97f4a7c15ULL), b = ~seed, word[2];
    while (n >= 16) {
        memcpy(word, p, 16);
        a = (a ^ word[0]) * 0x9fb21c651e98df25ULL;
        b = (b ^ word[1]) * 0xff51afd7ed558ccdULL;
        a ^= a >> 29;
        b ^= b >> 31;
        p += 16;
        n -= 16;
    }
    word[0] = word[1] = 0;
    memcpy(word, p, n);
    a = (a ^ word[0]) * 0x9fb21c651e98df25ULL;
    b = (b ^ word[1]) * 0xff51afd7ed558ccdULL;
    return mixed(a ^ mixed(b));
}

/* Takes invisible characters out, as reading a reply does first; -1 where it has control ones. */
static Py_ssize_t without_invisible(const uint8_t *p, size_t n, uint8_t *out) {
    uint8_t *start = out;
    n = within_limit(p, n);
    if (n > ROOM) return -1;
    for (size_t i = 0; i < n;) {
        if (kind[p[i]] & ODD) return -1;
        if (p[i] >= 0xC2 && is_invisible(p + i, n - i)) {
            i += p[i] == 0xC2 ? 2 : 3;
        } else {
            *out++ = p[i++];
        }
    }
    return out - start;
}

/* The skeleton, the quick way where the row is one for it; -1 where the text is not plain. */
static Py_ssize_t any_skeleton(const Keep *keep, const uint8_t *p, size_t n, size_t room, uint8_t *out) {
    Py_ssize_t length = room ? quick_skeleton(keep, p, n, room, out) : -2; /* without room: slowly */
    if (length == -2) length = skeleton(keep, p, n, out);
    if (length != -1) return length;
    uint8_t visible[ROOM];
    Py_ssize_t left = without_invisible(p, n, visible);
    return left < 0 ? -1 : skeleton(keep, visible, (size_t)left, out);
}

static uint64_t fingerprint(const Keep *keep, const uint8_t *p, size_t n, size_t room, uint64_t salt, uint8_t *out) {
    Py_ssize_t length = any_skeleton(keep, p, n, room, out);
    uint64_t h = length < 0 ? hashed(p, n, salt ^ 0x5bd1e995a5a5a5a5ULL)
                            : hashed(out, (size_t)length, salt);
    return h ? h : 1; /* 0 marks an empty slot */
}

static PyObject *bad(const char *words) {
    PyErr_SetString(PyExc_ValueError, words);
    return NULL;
}

/* fingerprints(offsets, wide, first, data, keep, salts, out) → None */
static PyObject *py_fingerprints(PyObject *module, PyObject *args) {
    Py_buffer offsets, data, blob, salts, out;
    int wide;
    Py_ssize_t first;
    Keep keep;
    PyObject *result = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*pny*y*y*w*", &offsets, &wide, &first, &data, &blob, &salts, &out))
        return NULL;
    Py_ssize_t n = out.len / 8, size = wide ? 8 : 4;
    const uint8_t *bytes = (const uint8_t *)data.buf;
    uint8_t *room = (uint8_t *)malloc(OUT_ROOM);
    if (!room) {
        PyErr_NoMemory();
    } else if (!open_keep(&keep, &blob)) {
        bad("the keep table is cut short");
    } else if (first < 0 || offsets.len / size < first + n + 1 || (salts.len && salts.len < n * 8)) {
        bad("the buffers do not fit one another");
    } else {
        int is_sane = 1;
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t i = 0; i < n; i++) {
            Py_ssize_t at = first + i;
            int64_t low = wide ? ((const int64_t *)offsets.buf)[at] : ((const int32_t *)offsets.buf)[at];
            int64_t high =
                wide ? ((const int64_t *)offsets.buf)[at + 1] : ((const int32_t *)offsets.buf)[at + 1];
            if (low < 0 || high < low || high > data.len) {
                is_sane = 0;
                break;
            }
            uint64_t salt = salts.len ? ((const uint64_t *)salts.buf)[i] : 0;
            ((uint64_t *)out.buf)[i] = fingerprint(
                &keep, bytes + low, (size_t)(high - low), (size_t)(data.len - low), salt, room);
        }
        Py_END_ALLOW_THREADS
        if (is_sane) {
            result = Py_None;
            Py_INCREF(result);
        } else {
            bad("an offset leads outside the text");
        }
    }
    free(room);
    PyBuffer_Release(&offsets);
    PyBuffer_Release(&data);
    PyBuffer_Release(&blob);
    PyBuffer_Release(&salts);
    PyBuffer_Release(&out);
    return result;
}

/* number(fingerprints, start, keys, values, next, out, fresh) → (rows done, next)
 * Gives each fingerprint its number: the one it has in the table, or the next one, whose row is
 * noted in `fresh`. Stops when the table is half full. */
static PyObject *py_number(PyObject *module, PyObject *args) {
    Py_buffer prints, keys, values, out, fresh;
    Py_ssize_t row, next;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*nw*w*nw*w*", &prints, &row, &keys, &values, &next, &out, &fresh))
        return NULL;
    Py_ssize_t n = prints.len / 8;
    uint64_t slots = (uint64_t)keys.len / 8, mask = slots - 1, most = slots / 2;
    PyObject *result = NULL;
    if (!slots || (slots & mask) || values.len / 4 < (Py_ssize_t)slots || out.len / 4 < n || fresh.len / 8 < n) {
        bad("the buffers do not fit one another");
    } else {
        const uint64_t *print = (const uint64_t *)prints.buf;
        uint64_t *key = (uint64_t *)keys.buf;
        int32_t *value = (int32_t *)values.buf, *number = (int32_t *)out.buf;
        int64_t *note = (int64_t *)fresh.buf;
        Py_ssize_t noted = 0;
        Py_BEGIN_ALLOW_THREADS
        for (; row < n; row++) {
            uint64_t at = print[row] & mask;
            while (key[at] && key[at] != print[row]) at = (at + 1) & mask;
            if (!key[at]) {
                if ((uint64_t)next >= most) break;
                key[at] = print[row];
                value[at] = (int32_t)next++;
                note[noted++] = row;
            }
            number[row] = value[at];
        }
        Py_END_ALLOW_THREADS
        result = Py_BuildValue("nnn", row, next, noted);
    }
    PyBuffer_Release(&prints);
    PyBuffer_Release(&keys);
    PyBuffer_Release(&values);
    PyBuffer_Release(&out);
    PyBuffer_Release(&fresh);
    return result;
}

/* skeleton(text, keep, slowly) → bytes, or None where the text is not plain */
static PyObject *py_skeleton(PyObject *module, PyObject *args) {
    Py_buffer text, blob;
    Keep keep;
    int slowly = 0;
    PyObject *result = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*y*|p", &text, &blob, &slowly)) return NULL;
    uint8_t *room = (uint8_t *)malloc(OUT_ROOM);
    if (!room) {
        PyErr_NoMemory();
    } else if (!open_keep(&keep, &blob)) {
        bad("the keep table is cut short");
    } else {
        const uint8_t *p = (const uint8_t *)text.buf;
        size_t n = (size_t)text.len;
        Py_ssize_t length = any_skeleton(&keep, p, n, slowly ? 0 : n, room);
        if (length < 0) {
            result = Py_None;
            Py_INCREF(result);
        } else {
            result = PyBytes_FromStringAndSize((const char *)room, length);
        }
    }
    free(room);
    PyBuffer_Release(&text);
    PyBuffer_Release(&blob);
    return result;
}

static PyMethodDef methods[] = {
    {"fingerprints", py_fingerprints, METH_VARARGS, "Hashes of the skeletons of Arrow strings."},
    {"number", py_number, METH_VARARGS, "Numbers of fingerprints, given at first sight."},
    {"skeleton", py_skeleton, METH_VARARGS, "The skeleton of one text."},
    {NULL, NULL, 0, NULL},
};

static int start(PyObject *module) {
    (void)module;
    fill_tables();
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, start}, {0, NULL}};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_kernel", "The skeleton of replies, compiled.", 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__kernel(void) { return PyModuleDef_Init(&definition); }
