/*
 * Sums of masks: key stream, draw, test and add, in WebAssembly.
 *
 * A draw below `order` takes ceil(n / 4) words of the key stream, keeps the n bytes that the order
 * has, and is repeated until it is below the order (py/petal/mask/sampling.py says the same).
 * Almost all are rejected by their top word, so that word is tested first.
 *
 * The host (kernel.js) lays seed, order and memory out and calls seek, then draw for the unit,
 * then draw for the weights: the stream goes on where the draw before it ended.
 */

#include "chacha20.h"

#define EXPORT(name) __attribute__((export_name(#name))) name

enum {
    GROUPS = 64, /* 16 kB: stays in the first-level cache */
    PAIRS_PER_MARK = 64,
    MAX_WORDS = 72, /* the largest order has 268 bytes */
};

static uint32_t key[KEY_WORDS];
static uint32_t order[MAX_WORDS]; /* zero beyond its last word */
static uint64_t position;         /* in words: where the next draw begins */

static group_t stream[GROUPS];
static uint64_t marks[GROUPS / 2]; /* bit i: the top word of pair i may be low enough */
static uint32_t drawn[MAX_WORDS];

/* One kind of draw. The order's top word has bytes that are kept only, its surplus is zero. */
typedef struct {
    uint32_t words;
    uint32_t limbs;
    uint32_t top_mask;
} draw_t;

uint32_t *EXPORT(seed_address)(void) { return key; }
uint32_t *EXPORT(order_address)(void) { return order; }
void EXPORT(seek)(uint64_t word) { position = word; }

/* Key stream and nothing else, for tests and to know what cannot be beaten. */
group_t *EXPORT(fill)(uint64_t first)
{
    key_stream(stream, GROUPS, key, first);
    return stream;
}

static uint32_t next_groups(uint32_t wanted)
{
    uint32_t groups = wanted < 8 ? 4 : GROUPS;
    key_stream(stream, groups, key, position / GROUP_WORDS);
    return groups;
}

/* --- Draws of two words: all tests of a group at once, then only the few that passed. --- */

static v128_t may_pass(v128_t top, v128_t mask, v128_t limit)
{
    return wasm_u32x4_le(wasm_v128_and(top, mask), limit);
}

static v128_t narrow(v128_t a, v128_t b, v128_t c, v128_t d)
{
    return wasm_i8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(a, b), wasm_i16x8_narrow_i32x4(c, d));
}

static uint32_t mark_group(const v128_t *x, v128_t mask, v128_t limit)
{
#define PASS(i) may_pass(x[i], mask, limit)
    v128_t front = narrow(PASS(1), PASS(3), PASS(5), PASS(7));
    v128_t back = narrow(PASS(9), PASS(11), PASS(13), PASS(15));
#undef PASS
    /* From four blocks a word to eight words a block, the order of the stream. */
    v128_t blocks01 = wasm_i8x16_shuffle(front, back, 0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17,
                                         21, 25, 29);
    v128_t blocks23 = wasm_i8x16_shuffle(front, back, 2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15,
                                         19, 23, 27, 31);
    return wasm_i8x16_bitmask(blocks01) | wasm_i8x16_bitmask(blocks23) << 16;
}

static void mark_pairs(uint32_t groups, uint32_t skipped, uint32_t top_mask)
{
    v128_t mask = wasm_u32x4_splat(top_mask), limit = wasm_u32x4_splat(order[1]);
    for (uint32_t g = 0; g < groups; g += 2)
        marks[g / 2] = mark_group(stream[g].words, mask, limit) |
                       (uint64_t)mark_group(stream[g + 1].words, mask, limit) << 32;
    marks[0] &= ~0ull << skipped / 2;
}

static void add_small(uint64_t *sum, uint64_t value, uint64_t modulus)
{
    uint64_t total = *sum + value;
    *sum = total - (total < value || total >= modulus ? modulus : 0);
}

static uint32_t draw_pairs(uint64_t *out, uint32_t count, uint32_t top_mask)
{
    uint32_t skipped = position % GROUP_WORDS, groups = next_groups(count), taken = 0;
    uint64_t modulus = (uint64_t)order[1] << 32 | order[0], origin = position - skipped;
    mark_pairs(groups, skipped, top_mask);
    for (uint32_t m = 0; m < groups / 2; m++)
        for (uint64_t left = marks[m]; left; left &= left - 1) {
            uint32_t word = 2 * (m * PAIRS_PER_MARK + (uint32_t)__builtin_ctzll(left));
            uint64_t high = word_at(stream, word + 1) & top_mask;
            uint64_t value = high << 32 | word_at(stream, word);
            uint32_t below = value < modulus;
            add_small(&out[taken], below ? value : 0, modulus);
            taken += below;
            if (taken == count) {
                position = origin + word + 2;
                return taken;
            }
        }
    position = origin + groups * GROUP_WORDS;
    return taken;
}

/* --- Draws of any number of words, one after the other. --- */

static int below_order(const uint32_t *value, uint32_t words)
{
    uint64_t borrow = 0;
    for (uint32_t i = 0; i < words; i++)
        borrow = ((uint64_t)value[i] - order[i] - borrow) >> 63;
    return (int)borrow;
}

/* sum = (sum + value) mod order, both below it. An order of 2^(64 limbs) leaves zeros here. */
static void add_large(uint32_t *sum, const uint32_t *value, uint32_t words)
{
    uint64_t carry = 0, borrow = 0;
    for (uint32_t i = 0; i < words; i++) {
        carry += (uint64_t)sum[i] + value[i];
        sum[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (!carry && below_order(sum, words))
        return;
    for (uint32_t i = 0; i < words; i++) {
        uint64_t rest = (uint64_t)sum[i] - order[i] - borrow;
        sum[i] = (uint32_t)rest;
        borrow = rest >> 63;
    }
}

static uint32_t draw_any(uint64_t *out, uint32_t count, draw_t draw)
{
    uint32_t word = position % GROUP_WORDS, groups = next_groups(count), taken = 0;
    uint64_t origin = position - word;
    uint32_t last = draw.words - 1, end = groups * GROUP_WORDS, limit = order[last];
    for (; word + draw.words <= end && taken < count; word += draw.words) {
        uint32_t top = word_at(stream, word + last) & draw.top_mask;
        if (top > limit)
            continue;
        for (uint32_t i = 0; i < last; i++)
            drawn[i] = word_at(stream, word + i);
        drawn[last] = top;
        if (!below_order(drawn, draw.words))
            continue;
        add_large((uint32_t *)(out + taken * draw.limbs), drawn, 2 * draw.limbs);
        taken++;
    }
    position = origin + word;
    return taken;
}

/*
 * Add the next `count` elements below the order, of `bytes` bytes, to out, uint64[count, limbs].
 */
void EXPORT(draw)(uint64_t *out, uint32_t count, uint32_t bytes, uint32_t limbs)
{
    uint32_t words = (bytes + 3) / 4, surplus = 4 * words - bytes;
    draw_t draw = {words, limbs, ~0u >> 8 * surplus};
    for (uint32_t i = 0; i < MAX_WORDS; i++)
        drawn[i] = 0;
    while (count) {
        int pairs = words == 2 && position % 2 == 0;
        uint32_t taken =
            pairs ? draw_pairs(out, count, draw.top_mask) : draw_any(out, count, draw);
        count -= taken;
        out += taken * limbs;
    }
}

/* sum += other, element by element, modulo the order. */
void EXPORT(add)(uint32_t *sum, const uint32_t *other, uint32_t count, uint32_t limbs)
{
    for (uint32_t i = 0; i < count; i++)
        add_large(sum + 2 * limbs * i, other + 2 * limbs * i, 2 * limbs);
}

/* Leave nothing of the seed or of what was drawn from it. */
void EXPORT(wipe)(void)
{
    __builtin_memset(key, 0, sizeof key);
    __builtin_memset(stream, 0, sizeof stream);
    __builtin_memset(marks, 0, sizeof marks);
    __builtin_memset(drawn, 0, sizeof drawn);
    position = 0;
}
