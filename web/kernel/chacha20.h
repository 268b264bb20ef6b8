/* ChaCha20's key stream, four blocks at a time. */

#ifndef CHACHA20_H
#define CHACHA20_H

#include <stdint.h>
#include <wasm_simd128.h>

enum {
    BLOCK_WORDS = 16,
    LANES = 4,
    GROUP_WORDS = BLOCK_WORDS * LANES,
    KEY_WORDS = 8,
    HIGH_GROUPS = 1 << 30, /* so many share the high word of the block counter */
};

/* Four blocks as they are computed: word i of all four in one vector, lane j is block j's. */
typedef struct {
    v128_t words[BLOCK_WORDS];
} group_t;

/* Where word `position` of the stream lies in groups that begin at word 0. */
static inline uint32_t word_at(const group_t *groups, uint32_t position)
{
    const uint32_t *lanes = (const uint32_t *)&groups[position / GROUP_WORDS];
    return lanes[position % BLOCK_WORDS * LANES + position / BLOCK_WORDS % LANES];
}

/* Unrolled, or the arrays it goes through lie in memory. */
#define EACH_WORD(i, count) _Pragma("clang loop unroll(full)") for (int i = 0; i < count; i++)
#define SHIFT(x, n) wasm_v128_or(wasm_i32x4_shl(x, n), wasm_u32x4_shr(x, 32 - n))
#define SWIZZLE(x, bytes) wasm_i8x16_swizzle(x, bytes)
#define MIX(a, b, c, d)                                                                            \
    a = wasm_i32x4_add(a, b), d = SWIZZLE(wasm_v128_xor(d, a), left16);                            \
    c = wasm_i32x4_add(c, d), b = wasm_v128_xor(b, c), b = SHIFT(b, 12);                           \
    a = wasm_i32x4_add(a, b), d = SWIZZLE(wasm_v128_xor(d, a), left8);                             \
    c = wasm_i32x4_add(c, d), b = wasm_v128_xor(b, c), b = SHIFT(b, 7)
#define DOUBLE_ROUND                                                                               \
    MIX(x[0], x[4], x[8], x[12]);                                                                  \
    MIX(x[1], x[5], x[9], x[13]);                                                                  \
    MIX(x[2], x[6], x[10], x[14]);                                                                 \
    MIX(x[3], x[7], x[11], x[15]);                                                                 \
    MIX(x[0], x[5], x[10], x[15]);                                                                 \
    MIX(x[1], x[6], x[11], x[12]);                                                                 \
    MIX(x[2], x[7], x[8], x[13]);                                                                  \
    MIX(x[3], x[4], x[9], x[14])

/*
 * `count` groups from number `first` on, through which the counter's high word stays the same.
 * Unrolled, so that the compiler computes once what of the first round the low word does not enter.
 * Not inlined, so that V8 replaces its quick first version in the midst of a long draw.
 */
static __attribute__((noinline)) void stream_part(group_t *out, uint32_t count, const uint32_t *key,
                                                  uint64_t first)
{
    v128_t left16 = wasm_i8x16_const(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    v128_t left8 = wasm_i8x16_const(3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14);
    /* Seen as constants these become shuffles, for which V8 builds its table anew at each one. */
    __asm__("" : "+r"(left16), "+r"(left8));

    v128_t start[BLOCK_WORDS];
    start[0] = wasm_u32x4_const_splat(0x61707865);
    start[1] = wasm_u32x4_const_splat(0x3320646e);
    start[2] = wasm_u32x4_const_splat(0x79622d32);
    start[3] = wasm_u32x4_const_splat(0x6b206574);
    EACH_WORD(i, KEY_WORDS)
        start[4 + i] = wasm_u32x4_splat(key[i]);
    start[13] = wasm_u32x4_splat((uint32_t)(first * LANES >> 32));
    start[14] = start[15] = wasm_u32x4_const_splat(0);

    for (uint32_t g = 0; g < count; g++) {
        uint32_t block = (uint32_t)(first + g) * LANES;
        start[12] = wasm_v128_or(wasm_u32x4_splat(block), wasm_u32x4_const(0, 1, 2, 3));
        v128_t x[BLOCK_WORDS];
        EACH_WORD(i, BLOCK_WORDS)
            x[i] = start[i];
        DOUBLE_ROUND; DOUBLE_ROUND; DOUBLE_ROUND; DOUBLE_ROUND; DOUBLE_ROUND;
        DOUBLE_ROUND; DOUBLE_ROUND; DOUBLE_ROUND; DOUBLE_ROUND; DOUBLE_ROUND;
        EACH_WORD(i, BLOCK_WORDS)
            out[g].words[i] = wasm_i32x4_add(x[i], start[i]);
    }
}

/* `count` groups of the key's stream (zero nonce) from number `first` on. */
static void key_stream(group_t *out, uint32_t count, const uint32_t *key, uint64_t first)
{
    for (uint32_t part; count; out += part, count -= part, first += part) {
        uint32_t same_high = HIGH_GROUPS - (uint32_t)(first % HIGH_GROUPS);
        part = count < same_high ? count : same_high;
        stream_part(out, part, key, first);
    }
}

#endif
