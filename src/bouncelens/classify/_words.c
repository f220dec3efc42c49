/* Which patterns may occur in a text, by the words that they need: matching.py's table, compiled.
 *
 * Portable C99 over Python's stable ABI. Of each word the four letters that are rarest among all
 * words lead to it; a text is looked through once. A word of three letters is led to by these.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SPREAD = 16, PLACES = 1 << SPREAD, SHORTEST = 3, MARK = 0x776f7264 };

/* A table is one stretch of memory: Head, `first` of each place, words, numbers, letters. */
typedef struct {
    uint32_t mark, words, numbers, letters, out; /* out: bytes of an answer */
} Head;
typedef struct {
    uint32_t at, number, numbers; /* of its letters; of its first number, and how many it has */
    uint16_t size, before;        /* bytes, and those before the letters that lead to it */
} Word;

/* Four letters, or three at the end of a text, as a place. Three have places of their own. */
static inline uint32_t four(const uint8_t *p) {
    uint32_t letters = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    return (letters * 2654435761u) >> (32 - SPREAD);
}

static inline uint32_t three(const uint8_t *p) {
    uint32_t letters = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
    return ((letters ^ 0xff000000u) * 2654435761u) >> (32 - SPREAD);
}

static size_t table_size(const Head *head) {
    return sizeof(Head) + 4 * (PLACES + 1) + sizeof(Word) * (size_t)head->words +
           4 * (size_t)head->numbers + head->letters;
}

static PyObject *bad(const char *words) {
    PyErr_SetString(PyExc_ValueError, words);
    return NULL;
}

/* The place that leads to a word, and how many bytes stand before its letters. */
static uint32_t rarest(const uint32_t *common, const uint8_t *p, uint32_t size, uint16_t *before) {
    *before = 0;
    if (size == SHORTEST) return three(p);
    uint32_t best = four(p);
    for (uint32_t at = 1; at + 4 <= size; at++) {
        uint32_t place = four(p + at);
        if (common[place] < common[best]) best = place, *before = (uint16_t)at;
    }
    return best;
}

typedef struct {
    const uint8_t *letters;
    const uint32_t *ends, *numbers, *number_ends; /* of each word's letters and numbers */
    uint32_t words, number_count, letter_count;
} Given;

static int is_sane(const Given *given, uint32_t out) {
    uint32_t at = 0, number = 0;
    for (uint32_t i = 0; i < given->words; i++) {
        if (given->ends[i] < at + SHORTEST || given->ends[i] - at > 0xffff) return 0;
        if (given->number_ends[i] < number) return 0;
        at = given->ends[i], number = given->number_ends[i];
    }
    if (at != given->letter_count || number != given->number_count) return 0;
    for (uint32_t i = 0; i < number; i++)
        if (given->numbers[i] / 8 >= out) return 0;
    return 1;
}

/* Lays the words out behind `head`. `work`: PLACES numbers, all 0, and one per word. */
static void lay_out(const Given *given, Head *head, uint32_t *work) {
    uint32_t *first = (uint32_t *)(head + 1), *place_of = work + PLACES;
    Word *words = (Word *)(first + PLACES + 1);
    uint32_t *numbers = (uint32_t *)(words + given->words);
    memcpy(numbers, given->numbers, 4 * (size_t)given->number_count);
    memcpy(numbers + given->number_count, given->letters, given->letter_count);
    for (uint32_t i = 0, at = 0; i < given->words; at = given->ends[i++])
        for (uint32_t p = at; p + 4 <= given->ends[i]; p++) work[four(given->letters + p)]++;
    memset(first, 0, 4 * (PLACES + 1));
    for (uint32_t i = 0, at = 0; i < given->words; at = given->ends[i++]) {
        uint16_t before;
        place_of[i] = rarest(work, given->letters + at, given->ends[i] - at, &before);
        first[place_of[i] + 1]++;
    }
    for (uint32_t place = 0; place < PLACES; place++) first[place + 1] += first[place];
    /* filled from the back of each place, `work` being what is left of it */
    uint16_t *before_of = (uint16_t *)(place_of + given->words);
    for (uint32_t i = 0, at = 0; i < given->words; at = given->ends[i++])
        rarest(work, given->letters + at, given->ends[i] - at, &before_of[i]);
    memcpy(work, first + 1, 4 * PLACES);
    for (uint32_t i = given->words; i-- > 0;) {
        uint32_t at = i ? given->ends[i - 1] : 0, number = i ? given->number_ends[i - 1] : 0;
        words[--work[place_of[i]]] = (Word){at, number, given->number_ends[i] - number,
                                            (uint16_t)(given->ends[i] - at), before_of[i]};
    }
}

/* table(letters, ends, numbers, number_ends, out) → bytes */
static PyObject *py_table(PyObject *module, PyObject *args) {
    Py_buffer letters, ends, numbers, number_ends;
    unsigned int out;
    PyObject *result = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*y*y*y*I", &letters, &ends, &numbers, &number_ends, &out)) return NULL;
    Given given = {(const uint8_t *)letters.buf,         (const uint32_t *)ends.buf,
                   (const uint32_t *)numbers.buf,        (const uint32_t *)number_ends.buf,
                   (uint32_t)(ends.len / 4),             (uint32_t)(numbers.len / 4),
                   (uint32_t)letters.len};
    if (letters.len > INT32_MAX || numbers.len > INT32_MAX || number_ends.len != ends.len ||
        out > 0xffff || !is_sane(&given, out)) {
        bad("the buffers do not fit one another");
    } else {
        Head head = {MARK, given.words, given.number_count, given.letter_count, out};
        uint32_t *work = (uint32_t *)calloc(PLACES + 2 * (size_t)given.words + 1, 4);
        result = work ? PyBytes_FromStringAndSize(NULL, (Py_ssize_t)table_size(&head)) : PyErr_NoMemory();
        if (result) {
            Head *place = (Head *)(void *)PyBytes_AsString(result);
            *place = head;
            lay_out(&given, place, work);
        }
        free(work);
    }
    PyBuffer_Release(&letters);
    PyBuffer_Release(&ends);
    PyBuffer_Release(&numbers);
    PyBuffer_Release(&number_ends);
    return result;
}

typedef struct {
    const uint32_t *first, *numbers;
    const Word *words;
    const uint8_t *letters;
} Table;

static void look(const Table *table, uint32_t place, const uint8_t *text, size_t n, size_t at, uint8_t *out) {
    for (uint32_t i = table->first[place]; i < table->first[place + 1]; i++) {
        const Word *word = &table->words[i];
        if (word->before > at || at - word->before + word->size > n) continue;
        if (memcmp(text + at - word->before, table->letters + word->at, word->size)) continue;
        const uint32_t *number = table->numbers + word->number;
        for (uint32_t left = word->numbers; left--; number++) out[*number >> 3] |= (uint8_t)(1 << (*number & 7));
    }
}

/* found(table, text) → bytes: bit n is set where a word with number n is in the text */
static PyObject *py_found(PyObject *module, PyObject *args) {
    Py_buffer blob, text;
    PyObject *result = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*y*", &blob, &text)) return NULL;
    const Head *head = (const Head *)blob.buf;
    if ((size_t)blob.len < sizeof(Head) || head->mark != MARK || (size_t)blob.len != table_size(head)) {
        bad("this is no table of words");
    } else if ((result = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)head->out))) {
        Table table;
        table.first = (const uint32_t *)(head + 1);
        table.words = (const Word *)(table.first + PLACES + 1);
        table.numbers = (const uint32_t *)(table.words + head->words);
        table.letters = (const uint8_t *)(table.numbers + head->numbers);
        const uint8_t *p = (const uint8_t *)text.buf;
        uint8_t *out = (uint8_t *)PyBytes_AsString(result);
        size_t n = (size_t)text.len;
        memset(out, 0, head->out);
        for (size_t at = 0; at + SHORTEST <= n; at++) {
            if (at + 4 <= n) look(&table, four(p + at), p, n, at, out);
            look(&table, three(p + at), p, n, at, out);
        }
    }
    PyBuffer_Release(&blob);
    PyBuffer_Release(&text);
    return result;
}

static PyMethodDef methods[] = {
    {"table", py_table, METH_VARARGS, "Words laid out for `found`."},
    {"found", py_found, METH_VARARGS, "Which numbers have a word in a text."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_words", "Words in texts, compiled.", -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__words(void) { return PyModule_Create(&definition); }
