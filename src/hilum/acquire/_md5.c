/* MD5 of several buffers at once, a buffer in each lane of a vector.

   Every step of MD5 waits for the one before, so that one digest leaves most of a processor idle. Sixteen side by side
   cost about four times as much as one. `hilum.acquire.joint_md5` does without this module where it was not built.

   Reference: RFC 1321, section 3. */

#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "words are read as the processor has them; MD5 has them little endian"
#endif

#define LANES 16
#define BLOCK 64
#define LENGTH_BYTES 8

/* The compiler makes of it what the processor has: one register, two or four. */
typedef uint32_t lanes __attribute__((vector_size(LANES * sizeof(uint32_t))));

#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__has_attribute)
#if __has_attribute(target_clones)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#endif
#endif
#ifndef FOR_EACH_PROCESSOR
#define FOR_EACH_PROCESSOR
#endif

static const uint32_t START[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};

static const uint32_t SINES[BLOCK] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

#define TURNED(x, bits) (((x) << (bits)) | ((x) >> (32 - (bits))))
#define F(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define G(x, y, z) ((y) ^ ((z) & ((x) ^ (y))))
#define H(x, y, z) ((x) ^ (y) ^ (z))
#define I(x, y, z) ((y) ^ ((x) | ~(z)))

#define STEP(f, a, b, c, d, word, bits, i) a += f(b, c, d) + words[word] + SINES[i], a = TURNED(a, bits) + b
/* Four steps whose words lie `apart` of each other, from `word` on. */
#define STEPS(f, word, apart, b0, b1, b2, b3, i)         \
    STEP(f, a, b, c, d, (word) % 16, b0, i);             \
    STEP(f, d, a, b, c, ((word) + (apart)) % 16, b1, (i) + 1);     \
    STEP(f, c, d, a, b, ((word) + 2 * (apart)) % 16, b2, (i) + 2); \
    STEP(f, b, c, d, a, ((word) + 3 * (apart)) % 16, b3, (i) + 3)
/* In round f, step i takes word `first` + i * `apart`. */
#define ROUND(f, first, apart, b0, b1, b2, b3, i)                     \
    STEPS(f, first, apart, b0, b1, b2, b3, i);                        \
    STEPS(f, (first) + 4 * (apart), apart, b0, b1, b2, b3, (i) + 4);  \
    STEPS(f, (first) + 8 * (apart), apart, b0, b1, b2, b3, (i) + 8);  \
    STEPS(f, (first) + 12 * (apart), apart, b0, b1, b2, b3, (i) + 12)

/* Takes the next blocks of every lane into its digest. */
FOR_EACH_PROCESSOR
static void take_blocks(uint32_t digests[4][LANES], const uint8_t *const from[LANES], size_t blocks)
{
    lanes sum[4];
    memcpy(sum, digests, sizeof sum);
    for (size_t block = 0; block < blocks; block++) {
        lanes words[16];
        for (int lane = 0; lane < LANES; lane++) {
            uint32_t row[16];
            memcpy(row, from[lane] + block * BLOCK, BLOCK);
            for (int word = 0; word < 16; word++)
                ((uint32_t *)&words[word])[lane] = row[word];
        }
        lanes a = sum[0], b = sum[1], c = sum[2], d = sum[3];
        ROUND(F, 0, 1, 7, 12, 17, 22, 0);
        ROUND(G, 1, 5, 5, 9, 14, 20, 16);
        ROUND(H, 5, 3, 4, 11, 16, 23, 32);
        ROUND(I, 0, 7, 6, 10, 15, 21, 48);
        sum[0] += a, sum[1] += b, sum[2] += c, sum[3] += d;
    }
    memcpy(digests, sum, sizeof sum);
}

/* A buffer on its way: its whole blocks, then its end with padding and length. */
typedef struct {
    const uint8_t *next;
    size_t blocks_left;
    uint8_t end[2 * BLOCK];
    size_t end_blocks;
    uint8_t digest[16];
} item;

static void begin(item *one, const uint8_t *bytes, size_t size)
{
    size_t rest = size % BLOCK;
    uint64_t bits = (uint64_t)size * 8;
    one->next = bytes;
    one->blocks_left = size / BLOCK;
    one->end_blocks = rest + 1 + LENGTH_BYTES > BLOCK ? 2 : 1;
    memset(one->end, 0, sizeof one->end);
    if (rest)
        memcpy(one->end, bytes + size - rest, rest);
    one->end[rest] = 0x80;
    memcpy(one->end + one->end_blocks * BLOCK - LENGTH_BYTES, &bits, LENGTH_BYTES);
}

/* Goes over to the end of a buffer; false when that has been taken too. */
static int goes_on(item *one)
{
    if (one->blocks_left == 0 && one->end_blocks) {
        one->next = one->end;
        one->blocks_left = one->end_blocks;
        one->end_blocks = 0;
    }
    return one->blocks_left > 0;
}

static void digest_all(item *items, size_t count)
{
    uint32_t digests[4][LANES] = {0};
    item *in[LANES] = {0};
    size_t begun = 0;
    for (;;) {
        const uint8_t *from[LANES];
        item *any = NULL;
        size_t blocks = SIZE_MAX;
        for (int lane = 0; lane < LANES; lane++) {
            if (in[lane] && !goes_on(in[lane])) {
                for (int part = 0; part < 4; part++)
                    memcpy(in[lane]->digest + 4 * part, &digests[part][lane], 4);
                in[lane] = NULL;
            }
            if (!in[lane] && begun < count) {
                in[lane] = &items[begun++];
                for (int part = 0; part < 4; part++)
                    digests[part][lane] = START[part];
                goes_on(in[lane]);
            }
            if (in[lane]) {
                any = in[lane];
                blocks = any->blocks_left < blocks ? any->blocks_left : blocks;
            }
        }
        if (!any)
            return;
        for (int lane = 0; lane < LANES; lane++)
            from[lane] = in[lane] ? in[lane]->next : any->next; /* an idle lane works on what is thrown away */
        take_blocks(digests, from, blocks);
        for (int lane = 0; lane < LANES; lane++)
            if (in[lane])
                in[lane]->next += blocks * BLOCK, in[lane]->blocks_left -= blocks;
    }
}

static PyObject *as_list(const item *items, Py_ssize_t count)
{
    PyObject *found = PyList_New(count);
    for (Py_ssize_t i = 0; found && i < count; i++) {
        PyObject *digest = PyBytes_FromStringAndSize((const char *)items[i].digest, sizeof items[i].digest);
        if (!digest || PyList_SetItem(found, i, digest) < 0)
            Py_CLEAR(found);
    }
    return found;
}

static PyObject *md5_of(PyObject *module, PyObject *buffers)
{
    PyObject *found = NULL;
    Py_ssize_t count = PyList_Size(buffers), held = 0;
    if (count < 0)
        return NULL;
    Py_buffer *views = calloc(count + 1, sizeof *views);
    item *items = calloc(count + 1, sizeof *items);
    if (!views || !items) {
        PyErr_NoMemory();
        goto done;
    }
    for (; held < count; held++) {
        if (PyObject_GetBuffer(PyList_GetItem(buffers, held), &views[held], PyBUF_SIMPLE) < 0)
            goto done;
        begin(&items[held], views[held].buf, (size_t)views[held].len);
    }
    Py_BEGIN_ALLOW_THREADS
    digest_all(items, (size_t)count);
    Py_END_ALLOW_THREADS
    found = as_list(items, count);
done:
    while (held-- > 0)
        PyBuffer_Release(&views[held]);
    free(views);
    free(items);
    return found;
}

static PyMethodDef METHODS[] = {
    {"md5_of", md5_of, METH_O, "MD5 of each buffer of a list, 16 bytes each; other threads run meanwhile."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, "_md5", "MD5 of several buffers at once.", 0, METHODS, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__md5(void)
{
    PyObject *module = PyModule_Create(&MODULE);
    if (module && PyModule_AddIntConstant(module, "LANES", LANES) < 0)
        Py_CLEAR(module);
    return module;
}
