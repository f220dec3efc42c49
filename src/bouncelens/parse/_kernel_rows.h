/* The quick way for a row: classes of 64 bytes at a time as bits, then only what may change.
 *
 * Writes what skeleton() in _kernel.c writes, or says that this row is none for it (-2). Most of a
 * reply is plain words; they are copied in stretches and never looked at one by one.
 */
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { WORDS = MOST_CHARS / 64 + 3, SLACK = 64, WIDEST = 64 };

typedef struct {
    uint64_t run[WORDS], letter[WORDS], digit[WORDS], dot[WORDS], at[WORDS], colon[WORDS];
    uint64_t sign[WORDS], minus[WORDS], space[WORDS]; /* sign: "#" and "+" */
} Classes;

typedef struct {
    uint64_t letter, digit, dot, at, sign, minus;
} Bits;

static inline uint64_t first(size_t n) { return n >= 64 ? ~0ULL : (1ULL << n) - 1; }
static inline size_t lowest(uint64_t bits) { return (size_t)__builtin_ctzll(bits); }
static inline size_t highest(uint64_t bits) { return 63 - (size_t)__builtin_clzll(bits); }

/* 64 bits of `mask` from bit `at` on */
static inline uint64_t window(const uint64_t *mask, size_t at) {
    size_t word = at >> 6, bit = at & 63;
    return mask[word] >> bit | (mask[word + 1] << 1) << (63 - bit);
}

/* Lower-case 64 bytes into `low` and note their classes; the bits of what is not plain. */
#if defined(__SSE2__)
#define EACH(sign) _mm_cmpeq_epi8(c, _mm_set1_epi8((char)(sign)))
#define WITHIN(x, low, size) \
    (t = _mm_sub_epi8(x, _mm_set1_epi8(low)), _mm_cmpeq_epi8(_mm_min_epu8(t, _mm_set1_epi8(size)), t))
#define NOTE(field, x) all->field[word] |= (uint64_t)(uint32_t)_mm_movemask_epi8(x) << at

static inline uint64_t classes(const uint8_t *p, uint8_t *low, Classes *all, size_t word) {
    uint64_t odd = 0;
    all->run[word] = all->letter[word] = all->digit[word] = all->dot[word] = all->at[word] = 0;
    all->colon[word] = all->sign[word] = all->minus[word] = all->space[word] = 0;
#pragma GCC unroll 4
    for (int at = 0; at < 64; at += 16) {
        __m128i c = _mm_loadu_si128((const __m128i *)(p + at)), t;
        __m128i blank = _mm_or_si128(_mm_or_si128(EACH('\t'), EACH('\n')), EACH('\r'));
        __m128i letter = WITHIN(_mm_or_si128(c, _mm_set1_epi8(0x20)), 'a', 25);
        __m128i digit = WITHIN(c, '0', 9), dot = EACH('.'), sign_at = EACH('@'), colon = EACH(':');
        __m128i minus = EACH('-'), tick = EACH('`');
        __m128i sign = _mm_cmpeq_epi8(_mm_or_si128(c, _mm_set1_epi8(8)), _mm_set1_epi8('+'));
        __m128i run = _mm_or_si128(_mm_or_si128(letter, digit), _mm_or_si128(dot, sign_at));
        run = _mm_or_si128(run, _mm_or_si128(_mm_or_si128(colon, minus), _mm_or_si128(sign, EACH('_'))));
        __m128i strange = _mm_or_si128(_mm_or_si128(EACH(0xC2), EACH(0xE2)), EACH(0xEF));
        strange = _mm_or_si128(strange, _mm_or_si128(EACH('&'), EACH(127)));
        strange = _mm_or_si128(strange, _mm_andnot_si128(blank, WITHIN(c, 0, 31)));
        odd |= (uint64_t)(uint32_t)_mm_movemask_epi8(strange) << at;
        NOTE(run, run);
        NOTE(letter, letter);
        NOTE(digit, digit);
        NOTE(dot, dot);
        NOTE(at, sign_at);
        NOTE(colon, colon);
        NOTE(sign, sign);
        NOTE(minus, minus);
        NOTE(space, _mm_or_si128(blank, EACH(' ')));
        c = _mm_or_si128(c, _mm_and_si128(letter, _mm_set1_epi8(0x20)));
        c = _mm_xor_si128(c, _mm_and_si128(tick, _mm_set1_epi8('`' ^ '\'')));
        c = _mm_or_si128(_mm_andnot_si128(blank, c), _mm_and_si128(blank, _mm_set1_epi8(' ')));
        _mm_storeu_si128((__m128i *)(low + at), c);
    }
    return odd;
}
#else
static inline uint64_t classes(const uint8_t *p, uint8_t *low, Classes *all, size_t word) {
    uint64_t run = 0, letter = 0, digit = 0, dot = 0, sign_at = 0, colon = 0, sign = 0, minus = 0;
    uint64_t space = 0, odd = 0;
    for (size_t at = 0; at < 64; at++) {
        uint8_t c = p[at], k = kind[c];
        uint64_t bit = 1ULL << at;
        low[at] = (k & SPACE) ? ' ' : lower[c];
        if (k & RUN) run |= bit;
        if (k & LETTER) letter |= bit;
        if (k & DIGIT) digit |= bit;
        if (k & DOT) dot |= bit;
        if (k & AT) sign_at |= bit;
        if (k & COLON) colon |= bit;
        if (k & SPACE) space |= bit;
        if (c == '#' || c == '+') sign |= bit;
        if (c == '-') minus |= bit;
        if ((k & ODD) || c == '&' || c == 0xC2 || c == 0xE2 || c == 0xEF) odd |= bit;
    }
    all->run[word] = run, all->letter[word] = letter, all->digit[word] = digit;
    all->dot[word] = dot, all->at[word] = sign_at, all->colon[word] = colon;
    all->sign[word] = sign, all->minus[word] = minus, all->space[word] = space;
    return odd;
}
#endif

/* Copies in steps of 16: both sides have room behind them. */
static inline uint8_t *copy_wide(uint8_t *out, const uint8_t *p, size_t n) {
    for (size_t at = 0; at < n; at += 16) memcpy(out + at, p + at, 16);
    return out + n;
}

static inline uint64_t last_eight(const uint8_t *end) {
    uint64_t key;
    memcpy(&key, end - 8, 8);
    return key;
}

static inline int noted(const uint64_t *filter, uint64_t key) {
    uint64_t bit = (key * TAIL_PRIME) >> 52;
    return (int)(filter[bit >> 6] >> (bit & 63) & 1);
}

static inline int may_be_kept_host(const Keep *keep, const uint8_t *p, size_t n) {
    uint64_t key = last_eight(p + n);
    if (n >= 8 && noted(keep->host_filter, key)) return 1;
    for (uint64_t left = keep->short_hosts; left; left &= left - 1) {
        size_t size = lowest(left);
        if (n >= size && (n == size || p[n - size - 1] == '.') &&
            noted(keep->host_filter, key >> (64 - 8 * size)))
            return 1;
    }
    return 0;
}

static inline int may_be_kept_address(const Keep *keep, const uint8_t *p, size_t n) {
    uint64_t key = last_eight(p + n);
    return noted(keep->address_filter, n >= 8 ? key : key >> (64 - 8 * n));
}

static inline int is_v4_bits(uint64_t dots, size_t n) {
    if (!dots || n > 15) return 0;
    size_t a = lowest(dots);
    dots &= dots - 1;
    if (!dots) return 0;
    size_t b = lowest(dots);
    dots &= dots - 1;
    if (!dots) return 0;
    size_t c = lowest(dots);
    if (dots & (dots - 1)) return 0;
    return a - 1 < 3 && b - a - 2 < 3 && c - b - 2 < 3 && n - c - 2 < 3;
}

typedef struct {
    uint64_t dots, digits, letters, signs;
} Dotted;

/* What stands for a core with a dot and no "@" that is neither code nor kept. */
static inline uint8_t *quick_dotted(const Keep *keep, const uint8_t *p, size_t n, const Dotted b, uint8_t *out) {
    uint64_t all = first(n);
    if ((b.digits | b.dots) == all) return put(out, is_v4_bits(b.dots, n) ? "<ip>" : "<n>");
    size_t last = highest(b.dots), label = n - 1 - last;
    uint64_t ending = all & ~first(last + 1);
    if (!b.signs && !(b.dots & (b.dots << 1))) {
        if ((b.letters & ending) == ending) {
            if (label >= 2 && is_tld(keep, p + last + 1, label))
                return may_be_kept_host(keep, p, n) ? put_host(keep, p, n, out) : put(out, "<host>");
        } else if (label > 4 && !memcmp(p + last + 1, "xn--", 4)) {
            uint8_t *after = put_host(keep, p, n, out);
            if (after) return after;
        }
    }
    return put_words(keep, p, n, out);
}

/* put_piece() of _kernel.c for at most 64 bytes whose classes are known. */
static uint8_t *quick_piece(const Keep *keep, const uint8_t *p, size_t n, const Bits *of, uint8_t *out) {
    uint64_t letters = of->letter, digits = of->digit, dots = of->dot, ats = of->at;
    uint64_t signs = of->sign, minuses = of->minus;
    while (n) {
        uint64_t body = first(n) & ~(dots | signs | minuses);
        if (!body) return copy_wide(out, p, n);
        size_t lead = lowest(body), core = highest(body) + 1 - lead, used = core, size;
        if (lead) {
            out = copy_wide(out, p, lead);
            p += lead, n -= lead;
            letters >>= lead, digits >>= lead, dots >>= lead, ats >>= lead;
            signs >>= lead, minuses >>= lead;
        }
        uint64_t all = first(core), digit = digits & all, dot = dots & all, at = ats & all;
        if (!(digit | dot | at)) {
            out = core <= 40 ? copy_wide(out, p, core) : put(out, "<id>");
        } else if ((dot | at) ? may_be_kept_address(keep, p, core) && is_kept_address(keep, p, core)
                              : has_code(keep, p, core)) {
            out = copy_wide(out, p, core);
        } else if ((p[0] == '2' || p[0] == '4' || p[0] == '5') &&
                   ((size = code_length(p, core)) || (size = status_length(p, core)))) {
            out = copy_wide(out, p, size);
            if (size < core) *out++ = '-', used = size + 1;
        } else if (at & 1) {
            *out++ = '@';
            used = 1;
        } else if (at) {
            uint64_t pair = dot & (dot >> 1) & ~first(lowest(at));
            out = put(out, "<addr>");
            if (pair) used = lowest(pair);
        } else if (dot) {
            out = quick_dotted(keep, p, core, (Dotted){dot, digit, letters, signs & all}, out);
        } else if (digit == all) {
            out = put(out, "<n>");
        } else {
            out = (signs & all) ? put_words(keep, p, core, out) : put(out, "<id>");
        }
        if (used == core) return copy_wide(out, p + core, n - core);
        p += used, n -= used;
        letters >>= used, digits >>= used, dots >>= used, ats >>= used;
        signs >>= used, minuses >>= used;
    }
    return out;
}

static uint8_t *quick_run(const Keep *keep, const uint8_t *low, const Classes *all, size_t at, size_t n, uint8_t *out) {
    const uint8_t *p = low + at;
    Bits b = {window(all->letter, at), window(all->digit, at), window(all->dot, at),
              window(all->at, at), window(all->sign, at), window(all->minus, at)};
    uint64_t colons = window(all->colon, at) & first(n);
    if (!colons) return quick_piece(keep, p, n, &b, out);
    size_t start = 0, count = 0;
    for (uint64_t left = colons; left; left &= left - 1) count++;
    if ((colons & (colons >> 1)) || count > 6) return put_run(keep, p, n, (int)count, out);
    for (;;) {
        size_t end = colons ? lowest(colons) : n, size = end - start;
        Bits part = {b.letter >> start, b.digit >> start, b.dot >> start,
                     b.at >> start, b.sign >> start, b.minus >> start};
        if (size) out = quick_piece(keep, p + start, size, &part, out);
        if (!colons) return out;
        *out++ = ':';
        start = end + 1;
        if (start == n) return out;
        colons &= colons - 1;
    }
}

/* The first bit at or after `at` that is clear in `mask`; bits beyond the row are clear. */
static inline size_t next_clear(const uint64_t *mask, size_t at) {
    size_t word = at >> 6;
    uint64_t bits = ~mask[word] & ~first(at & 63);
    while (!bits) bits = ~mask[++word];
    return word * 64 + lowest(bits);
}

/* One more than the last bit before `at` that is clear in `mask`, or 0. */
static inline size_t run_start(const uint64_t *mask, size_t at) {
    size_t word = at >> 6;
    uint64_t bits = ~mask[word] & first(at & 63);
    while (!bits) {
        if (!word) return 0;
        bits = ~mask[--word];
    }
    return word * 64 + highest(bits) + 1;
}

/* Marks stretches of more than 40 letters and signs: they change though nothing in them varies. */
static void mark_long(const uint64_t *plain, size_t words, uint64_t *events) {
    size_t at = 0, end = words * 64;
    while (at < end) {
        uint64_t bits = plain[at >> 6] & ~first(at & 63);
        if (!bits) {
            at = (at | 63) + 1;
            continue;
        }
        at = (at & ~(size_t)63) + lowest(bits);
        size_t after = next_clear(plain, at);
        if (after - at > 40) events[at >> 6] |= 1ULL << (at & 63);
        at = after;
    }
}

/* Classes of the whole row, and the places to look at; -1 where the row is not plain. */
static int read_row(const uint8_t *p, size_t n, size_t room, uint8_t *low, Classes *all, uint64_t *events) {
    uint8_t rest[64];
    size_t words = (n + 63) / 64;
    uint64_t odd = 0, has_long = 0;
    for (size_t word = 0; word < words; word++) {
        size_t at = word * 64;
        const uint8_t *from = p + at;
        if (room - at < 64) {
            memset(rest, ' ', 64);
            memcpy(rest, from, n - at);
            from = rest;
        }
        uint64_t bad = classes(from, low + at, all, word);
        if (n - at < 64) {
            uint64_t valid = first(n - at);
            bad &= valid;
            all->run[word] &= valid;
        }
        odd |= bad;
    }
    if (odd) return -1;
    all->run[words] = all->letter[words] = all->digit[words] = all->dot[words] = 0;
    all->at[words] = all->colon[words] = all->sign[words] = all->minus[words] = 0;
    uint64_t was_space = 0, plain[WORDS];
    for (size_t word = 0; word < words; word++) {
        uint64_t run = all->run[word], space = all->space[word], often = all->digit[word] | all->at[word];
        uint64_t joint = all->dot[word] | all->colon[word];
        uint64_t before_run = run >> 1 | all->run[word + 1] << 63;
        events[word] = ((often | (joint & before_run)) & run) | (space & (space << 1 | was_space));
        was_space = space >> 63;
        /* of more than 40 in a row, 20 are in one word */
        uint64_t many = plain[word] = run & ~(often | joint);
        many &= many >> 1;
        many &= many >> 2;
        many &= many >> 4;
        many &= many >> 8;
        has_long |= many & (many >> 4);
    }
    plain[words] = 0;
    if (has_long) mark_long(plain, words, events);
    return 0;
}

/* The skeleton of a row, of whose buffer `room` bytes may be read; its length, or -2. */
static Py_ssize_t quick_skeleton(const Keep *keep, const uint8_t *p, size_t n, size_t room, uint8_t *out) {
    uint8_t space[SLACK + WORDS * 64 + SLACK], *low = space + SLACK, *start = out;
    Classes all;
    uint64_t events[WORDS];
    if (n > MOST_CHARS || read_row(p, n, room, low, &all, events)) return -2;
    size_t at = 0, end = n, words = (n + 63) / 64;
    while (end && low[end - 1] == ' ') end--;
    while (at < end && low[at] == ' ') at++;
    for (size_t word = 0; word < words; word++) {
        while (events[word]) {
            size_t place = word * 64 + lowest(events[word]), after;
            events[word] &= events[word] - 1;
            if (place < at) continue;
            if (place >= end) break;
            if (low[place] == ' ') {
                out = copy_wide(out, low + at, place - at);
                at = next_clear(all.space, place);
                continue;
            }
            size_t from = run_start(all.run, place);
            if (from < at) from = at;
            after = next_clear(all.run, place);
            out = copy_wide(out, low + at, from - at);
            out = after - from <= WIDEST
                      ? quick_run(keep, low, &all, from, after - from, out)
                      : put_run_counted(keep, low + from, after - from, out);
            at = after;
        }
    }
    if (at < end) out = copy_wide(out, low + at, end - at);
    return out - start;
}
